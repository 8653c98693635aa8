/*
 * Reads DER (X.690), as far as certificates need it.
 */
#ifndef WIRE_DER_H
#define WIRE_DER_H

#include "wire/reader.h"

#define DER_INTEGER 0x02
#define DER_BIT_STRING 0x03
#define DER_OCTET_STRING 0x04
#define DER_SEQUENCE 0x30

/*
 * Takes the next element of r, which must have this tag and fit, with a length of
 * at most 65535. Returns a reader over its contents. Lengths in more bytes than
 * needed are accepted, because some certificates have them. On failure both readers have
 * failed, so that a series of calls can be checked once, at its end.
 */
struct reader der_take(struct reader *r, uint8_t tag);

#endif
