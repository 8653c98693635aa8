/*
 * The list of PCRs in a request: "0-7,14".
 */
#ifndef WIRE_PCR_LIST_H
#define WIRE_PCR_LIST_H

#include <stddef.h>
#include <stdint.h>

/*
 * Parses n bytes (without a NUL) to a mask in which bit i stands for PCR i. The list is
 * numbers and ranges (first-last, last included), separated by commas, in any order.
 * Numbers are decimal, from 0 to 23, without leading zeros; no PCR is named twice.
 * -ERR_VALUE otherwise, also if it is empty; *mask is 0 then.
 */
int pcr_list_parse(const char *s, size_t n, uint32_t *mask);

#endif
