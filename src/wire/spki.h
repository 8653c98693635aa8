/*
 * SubjectPublicKeyInfo in DER (RFC 5280, RFC 8017) of an RSA key.
 */
#ifndef WIRE_SPKI_H
#define WIRE_SPKI_H

#include <stddef.h>
#include <stdint.h>

/*
 * modulus: n bytes, big-endian, n at most 512; leading zeros are dropped.
 * exponent 0 means 65537 (TPMS_RSA_PARMS). Writes to buf, cap bytes;
 * -ERR_RANGE if that is too small or the modulus is 0 or too long.
 */
int spki_rsa(const uint8_t *modulus, size_t n, uint32_t exponent, uint8_t *buf, size_t cap,
	     size_t *len);

#endif
