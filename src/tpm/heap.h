/*
 * The allocator under ESAPI, and under nothing else: tpm2-tss is compiled
 * with malloc, calloc and free renamed to these.
 *
 * ESAPI frees session keys, salts and decrypted secrets as they are; here
 * every block is wiped before it goes back. The memory is a fixed array: what
 * ESAPI needs is bounded, and so is what attestd takes.
 */
#ifndef TPM_HEAP_H
#define TPM_HEAP_H

#include <stddef.h>

/* As malloc, calloc and free. NULL if the array is used up. */
void *heap_malloc(size_t n);
void *heap_calloc(size_t count, size_t n);
void heap_free(void *p);

/* Bytes in use, their headers included. */
size_t heap_used(void);

#endif
