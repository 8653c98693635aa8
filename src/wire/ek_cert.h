/*
 * EK certificates as they are found in NV: bare, padded, wrapped.
 */
#ifndef WIRE_EK_CERT_H
#define WIRE_EK_CERT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Finds the certificate in the n bytes of an NV index: behind a TCG "stored
 * certificate" header (10 01 00 LLLL, or with 10 02 behind it), in an OCTET
 * STRING or a TPM2B that holds a SEQUENCE, in up to three of these at once, or
 * bare; cut at its outer DER length, whatever follows. Sizes in a TCG header
 * are not looked at, a TPM2B's MUST be the rest's. *cert points into p; the
 * bytes are never changed.
 * -ERR_CERT_ABSENT: n is 0, or all bytes are 00, or all FF.
 * -ERR_CERT_FORMAT: no SEQUENCE with a definite length that fits.
 */
int ek_cert_find(const uint8_t *p, size_t n, const uint8_t **cert, size_t *cert_len);

/*
 * The modulus of the certificate's RSA key, without leading zeros, by walking
 * to its SubjectPublicKeyInfo; whatever algorithm is named there (some name
 * RSAES-OAEP). *modulus points into cert. -ERR_CERT_FORMAT if the DER does not
 * lead to one.
 */
int ek_cert_rsa_modulus(const uint8_t *cert, size_t n, const uint8_t **modulus, size_t *len);

#endif
