/*
 * Reads a certificate from a PEM file (RFC 7468).
 */
#ifndef WIRE_PEM_H
#define WIRE_PEM_H

#include <stddef.h>
#include <stdint.h>

/*
 * Decodes the first CERTIFICATE in a PEM text of n bytes to buf (cap bytes). The DER is not
 * looked at. Text before and after it is ignored; lines may have any length and line end.
 * -ERR_CERT_FORMAT: there is none, or it is incomplete, empty or larger than cap; *len is 0
 * then, and what was written to buf is wiped.
 */
int pem_certificate(const uint8_t *p, size_t n, uint8_t *buf, size_t cap, size_t *len);

#endif
