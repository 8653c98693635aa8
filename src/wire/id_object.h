/*
 * TPM2B_ID_OBJECT (TPM 2.0 Library part 2, 12.4.3), parsed by hand:
 *
 *   u16 size | u16 hmac size | hmac | encIdentity (the rest)
 *
 * and the forms in which verifiers send it.
 */
#ifndef WIRE_ID_OBJECT_H
#define WIRE_ID_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounds.h"

struct request; /* wire/request.h */

/* TPMS_ID_OBJECT; the pointers go into the bytes it was parsed from. */
struct id_object {
	const uint8_t *hmac;
	size_t hmac_len;
	const uint8_t *enc; /* encIdentity */
	size_t enc_len;
};

/*
 * Parses n bytes: with the outer size or without it; with it and
 * TPM2B_ENCRYPTED_SECRET behind it (as go-tpm's users send it); or with both
 * behind u32 BADCC0DE, u32 1 (the file of tpm2_makecredential). The secret of
 * the latter two, without its size, goes to *secret and *secret_len (NULL and
 * 0 otherwise). hmac_len is what the EK's name algorithm asks for (32:
 * SHA-256); encIdentity has 3 to 2 + hmac_len bytes (an enciphered
 * TPM2B_DIGEST).
 *
 * No bytes can be read in two of these ways: the first two are BADC, or
 * hmac_len, or an outer size, which is larger than hmac_len by 5 at least and
 * smaller than BADC. -ERR_CREDENTIAL if they are none of these, whole.
 */
int id_object_parse(const uint8_t *p, size_t n, size_t hmac_len, struct id_object *out,
		    const uint8_t **secret, size_t *secret_len);

/* What TPM2_ActivateCredential takes, both without their outer size. */
struct credential {
	uint8_t id_object[ID_OBJECT_MAX];
	size_t id_object_len;
	uint8_t secret[SECRET_MAX];
	size_t secret_len;
};

/*
 * The credential that a request describes, for an RSA EK with the given size
 * of its name algorithm's digest and of its modulus, in bytes, which MUST be
 * at most ID_HMAC_MAX and SECRET_MAX.
 *
 * - hmac and enc, if both are there, are the ID object. A credential_blob
 *   beside them that parses MUST say the same (-ERR_CREDENTIAL_CONFLICT); one
 *   that does not parse is not looked at. One of the two without the other is
 *   -ERR_FIELDS, whatever else there is.
 * - otherwise credential_blob is (-ERR_FIELDS, -ERR_CREDENTIAL).
 * - encrypted_secret is ek_len bytes, or those behind their u16 size
 *   (-ERR_SECRET_SIZE). It may be absent if credential_blob carries it
 *   (-ERR_FIELDS otherwise; if both are there they MUST be equal,
 *   -ERR_SECRET_CONFLICT), in ek_len bytes too.
 *
 * -ERR_HMAC_SIZE: hmac is not hmac_len bytes; -ERR_ENC_SIZE: enc is not 3 to
 * 2 + hmac_len. `culprit` of the request is set to the member in fault, or to
 * the one that is missing. out is zero on failure; the caller wipes it after
 * use.
 */
int credential_from_request(struct request *rq, size_t hmac_len, size_t ek_len,
			    struct credential *out);

#endif
