/*
 * A certificate as Windows keeps it in its registry: a serialized store
 * element. [MS-GPEF] 2.2.1.2 and [MS-OSHARED] 2.3.2.5.3 describe it.
 */
#ifndef COMMON_STORE_ELEMENT_H
#define COMMON_STORE_ELEMENT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Finds the certificate's DER in the n bytes at p: *der points into them, *len
 * is its size. -ERR_CERT_FORMAT: these bytes are not exactly one such element,
 * or it has no certificate or several; *der is NULL then, *len 0.
 */
int store_element_der(const uint8_t *p, size_t n, const uint8_t **der, size_t *len);

#endif
