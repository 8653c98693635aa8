/*
 * Whether a certificate is for a given key.
 */
#ifndef WIRE_CERT_KEY_H
#define WIRE_CERT_KEY_H

#include <stddef.h>
#include <stdint.h>

/*
 * Is this certificate (RFC 5280, in DER: n bytes, as ek_cert_find finds them)
 * for the RSA key with this modulus (big-endian) and exponent (0 means 65537,
 * as in TPMS_RSA_PARMS)? 0: it is. -ERR_CERT_KEY: it is for another key, RSA or not.
 * -ERR_CERT_FORMAT: it is not a certificate.
 *
 * The verifier validates the certificate. Here only the way to its key is checked
 * strictly, so that the key found is the one that a verifier finds: each element must be
 * in its place and be filled completely. Names, dates, extensions, signature and the
 * key's algorithm (some EK certificates say RSAES-OAEP) are not looked at. Modulus and
 * exponent are compared as numbers, whatever leading zeros they have.
 */
int cert_key_is_rsa(const uint8_t *cert, size_t n, const uint8_t *modulus, size_t modulus_len,
		    uint32_t exponent);

#endif
