/*
 * The certificates above the EK's as NV indices hold them: one after another, from
 * one index into the next, with padding between and behind them.
 */
#ifndef WIRE_CERT_CHAIN_H
#define WIRE_CERT_CHAIN_H

#include <stdbool.h>

#include "wire/reader.h"

/*
 * The next whole certificate in the rest of r, which then is what is behind it;
 * false, and r is empty, if there is none. *cert points into what r reads: len
 * bytes, a SEQUENCE of exactly SEQUENCE, SEQUENCE and BIT STRING (RFC 5280, 4.1).
 * Padding, which is 00 and FF, is passed over, and so is what else there is: then
 * *lost is set, which is never cleared here. The contents of the three are not
 * looked at: one that is cut short in its signature goes on into what is behind it.
 */
bool cert_chain_next(struct reader *r, const uint8_t **cert, size_t *len, bool *lost);

#endif
