/*
 * PCRs as a request names them: "0-7,14".
 */
#ifndef WIRE_PCR_LIST_H
#define WIRE_PCR_LIST_H

#include <stddef.h>
#include <stdint.h>

/*
 * Parses n bytes (no NUL among them is needed) to a mask with bit i for PCR i.
 * They are numbers and ranges (first-last, last included) between commas, in any
 * order, each PCR at most once, from 0 to 23, in decimal digits without leading
 * zeros; nothing else stands there, and they are not empty.
 * -ERR_VALUE otherwise; *mask is 0 then.
 */
int pcr_list_parse(const char *s, size_t n, uint32_t *mask);

#endif
