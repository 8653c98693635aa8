/*
 * Forgetting secrets, and comparing them.
 */
#ifndef BASE_WIPE_H
#define BASE_WIPE_H

#include <stdbool.h>
#include <stddef.h>

/* Overwrites n bytes with zeros; never optimised away. p may be NULL if n = 0. */
void wipe(void *p, size_t n);

/* Overwrites the stack below the caller, as deep as ESAPI's calls go (24 KiB). */
void wipe_stack(void);

/* Are the n bytes at a and b the same? The time does not depend on them. */
bool equal_ct(const void *a, const void *b, size_t n);

#endif
