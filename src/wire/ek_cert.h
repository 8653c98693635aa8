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
 * bare; cut at its outer DER length, whatever follows it, or follows what it
 * is wrapped in. Sizes in a TCG header are not looked at. *cert points into p;
 * the bytes are never changed.
 * -ERR_CERT_ABSENT: n is 0, or all bytes are 00, or all FF.
 * -ERR_CERT_FORMAT: no SEQUENCE with a definite length that fits.
 */
int ek_cert_find(const uint8_t *p, size_t n, const uint8_t **cert, size_t *cert_len);

#endif
