/*
 * TPM2B_ID_OBJECT (TPM 2.0 Library part 2, 12.4.3) in the forms in which verifiers
 * send it:
 *
 *   u16 size | u16 hmac size | hmac | encIdentity (the rest)
 */
#ifndef WIRE_ID_OBJECT_H
#define WIRE_ID_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounds.h"

struct request; /* wire/request.h */

/* TPMS_ID_OBJECT; the pointers point into the bytes that it was parsed from. */
struct id_object {
	const uint8_t *hmac;
	size_t hmac_len;
	const uint8_t *enc; /* encIdentity */
	size_t enc_len;
};

/*
 * Parses n bytes, which have one of these forms:
 * 1. the structure above without its outer size (TPMS_ID_OBJECT);
 * 2. with it (TPM2B_ID_OBJECT);
 * 3. the same, followed by TPM2B_ENCRYPTED_SECRET (users of go-tpm send this);
 * 4. the same as 3, behind u32 BADCC0DE, u32 1 (the file of tpm2_makecredential).
 * The secret of 3 and 4, without its size, goes to *secret and *secret_len; otherwise they
 * are NULL and 0. hmac_len is the digest size of the EK's name algorithm (SHA-256:
 * 32). encIdentity is an encrypted TPM2B_DIGEST of 3 to 2 + hmac_len bytes.
 *
 * The first two bytes tell the forms apart: they are BADC (4), hmac_len (1), or an outer
 * size, which is at least hmac_len + 5 and below BADC. -ERR_CREDENTIAL: the bytes are
 * not exactly one of these forms.
 */
int id_object_parse(const uint8_t *p, size_t n, size_t hmac_len, struct id_object *out,
		    const uint8_t **secret, size_t *secret_len);

/* The parameters of TPM2_ActivateCredential, both without their outer size. */
struct credential {
	uint8_t id_object[ID_OBJECT_MAX];
	size_t id_object_len;
	uint8_t secret[SECRET_MAX];
	size_t secret_len;
};

/*
 * Builds the credential from a request, for an RSA EK whose name algorithm has digests
 * of hmac_len bytes (at most ID_HMAC_MAX) and whose modulus has ek_len bytes (at most
 * SECRET_MAX).
 *
 * - The ID object is made of hmac and enc if both are present. A credential_blob that
 *   is present too and can be parsed must say the same (-ERR_CREDENTIAL_CONFLICT); one
 *   that cannot be parsed is ignored. Only one of hmac and enc: -ERR_FIELDS.
 * - Otherwise it comes from credential_blob (-ERR_FIELDS, -ERR_CREDENTIAL).
 * - encrypted_secret has ek_len bytes, or a u16 size and ek_len bytes
 *   (-ERR_SECRET_SIZE). It may be absent if credential_blob contains the secret
 *   (otherwise -ERR_FIELDS). If there are both, they must be equal
 *   (-ERR_SECRET_CONFLICT).
 *
 * -ERR_HMAC_SIZE: hmac is not hmac_len bytes long. -ERR_ENC_SIZE: enc is not 3 to
 * 2 + hmac_len bytes long. On failure the request's `culprit` is the member that is wrong
 * or missing, and out is zero. The caller wipes out after use.
 */
int credential_from_request(struct request *rq, size_t hmac_len, size_t ek_len,
			    struct credential *out);

#endif
