/*
 * Writes the SubjectPublicKeyInfo of an RSA key in DER (RFC 5280, RFC 8017).
 */
#ifndef WIRE_SPKI_H
#define WIRE_SPKI_H

#include <stddef.h>
#include <stdint.h>

/*
 * The modulus is n bytes, big-endian; leading zeros are dropped, after which at most 512
 * bytes may be left. Exponent 0 means 65537, as in TPMS_RSA_PARMS. Writes *len bytes to buf
 * (cap bytes). -ERR_RANGE: cap is too small, or the modulus is 0 or too long.
 */
int spki_rsa(const uint8_t *modulus, size_t n, uint32_t exponent, uint8_t *buf, size_t cap,
	     size_t *len);

#endif
