/*
 * Reading DER (X.690), as far as certificates need it.
 */
#ifndef WIRE_DER_H
#define WIRE_DER_H

#include "wire/reader.h"

#define DER_INTEGER 0x02
#define DER_BIT_STRING 0x03
#define DER_OCTET_STRING 0x04
#define DER_SEQUENCE 0x30

/*
 * The contents of the next element, which has to have this tag, and a length
 * of at most 65535 that fits; a length in more bytes than it needs is taken,
 * for there are certificates with such. Otherwise both readers have failed: a
 * walk needs to look at its end only.
 */
struct reader der_take(struct reader *r, uint8_t tag);

#endif
