/*
 * Finds the EK certificate in the contents of an NV index, where it may be padded or
 * wrapped in other structures.
 */
#ifndef WIRE_EK_CERT_H
#define WIRE_EK_CERT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Finds the certificate in the n bytes of an NV index; *cert points into them. It may
 * be bare, or in up to three wrappings: a TCG "stored certificate" header
 * (10 01 00 LLLL, perhaps with 10 02 behind it), an OCTET STRING, a TPM2B. Its length is
 * that of its outer DER element: what follows it is ignored, and so are the sizes in a
 * TCG header.
 * -ERR_CERT_ABSENT: n is 0, or all bytes are 00, or all are FF.
 * -ERR_CERT_FORMAT: there is no SEQUENCE of a definite length that fits.
 */
int ek_cert_find(const uint8_t *p, size_t n, const uint8_t **cert, size_t *cert_len);

#endif
