/*
 * Finds the certificates of the EK's chain in the NV indices that hold it: one after
 * another, running on from one index into the next, with padding between and after them.
 */
#ifndef WIRE_CERT_CHAIN_H
#define WIRE_CERT_CHAIN_H

#include <stdbool.h>

#include "wire/reader.h"

/*
 * Finds the next certificate in r: *len bytes at *cert, a SEQUENCE of exactly a
 * SEQUENCE, a SEQUENCE and a BIT STRING (RFC 5280, 4.1), whose contents are not looked
 * at. r then stands behind it. Returns false, with r empty, if there is no more.
 * Padding (00 and FF) is skipped. So are other bytes, but they set *lost, which is never
 * cleared here. A certificate that is cut short inside its signature cannot be noticed:
 * it seems to go on in the bytes that follow.
 */
bool cert_chain_next(struct reader *r, const uint8_t **cert, size_t *len, bool *lost);

#endif
