/*
 * Certificates as files (RFC 7468).
 */
#ifndef WIRE_PEM_H
#define WIRE_PEM_H

#include <stddef.h>
#include <stdint.h>

/*
 * The first CERTIFICATE in a PEM text of n bytes, to buf (cap bytes) as the
 * DER that it carries, which is not looked at. What stands before its first
 * line and behind its last does not matter, nor do line ends and lengths.
 * -ERR_CERT_FORMAT: there is none, or it is not whole, or is larger than cap;
 * *len is 0 then, and what was written to buf is wiped.
 */
int pem_certificate(const uint8_t *p, size_t n, uint8_t *buf, size_t cap, size_t *len);

#endif
