/*
 * Wipes secrets, and compares them in constant time.
 */
#ifndef BASE_WIPE_H
#define BASE_WIPE_H

#include <stdbool.h>
#include <stddef.h>

/* Overwrites n bytes with zeros; the compiler does not remove it. p may be NULL if n is
 * 0. */
void wipe(void *p, size_t n);

/* Overwrites the 24 KiB of stack below the caller, which is as deep as ESAPI's calls go. */
void wipe_stack(void);

/* Are the n bytes at a and at b the same? The time does not depend on their values. */
bool equal_ct(const void *a, const void *b, size_t n);

#endif
