/*
 * Whose certificate is this?
 */
#ifndef WIRE_CERT_KEY_H
#define WIRE_CERT_KEY_H

#include <stddef.h>
#include <stdint.h>

/*
 * Is this certificate (RFC 5280, in DER: n bytes, as ek_cert_find finds them)
 * for the RSA key with this modulus (big-endian) and exponent (0 means 65537,
 * as in TPMS_RSA_PARMS)? 0: it is. -ERR_CERT_KEY: it is for another, be that
 * an RSA key or not. -ERR_CERT_FORMAT: it is no certificate, so that this
 * cannot be told.
 *
 * Whether the certificate is worth anything is for the verifier to find out.
 * Here only what could lead to another key than it names is taken strictly:
 * each element has to be where it belongs, and to be filled by what is in it.
 * Names, dates, extensions, signature and the key's algorithm (some EKs are
 * named RSAES-OAEP keys) are not looked at. Modulus and exponent are compared
 * as numbers: their leading zeros, and the want of one, do not count.
 */
int cert_key_is_rsa(const uint8_t *cert, size_t n, const uint8_t *modulus, size_t modulus_len,
		    uint32_t exponent);

#endif
