/*
 * ESAPI's allocator: tpm2-tss is compiled with malloc, calloc and free renamed to these.
 * Nothing else uses it.
 *
 * ESAPI does not wipe session keys, salts and decrypted secrets before it frees them;
 * here every block is wiped when it is freed. The memory is a fixed array of HEAP_MAX
 * bytes, because what ESAPI needs is bounded.
 */
#ifndef TPM_HEAP_H
#define TPM_HEAP_H

#include <stddef.h>

/* As malloc, calloc and free. NULL if no free block is large enough. */
void *heap_malloc(size_t n);
void *heap_calloc(size_t count, size_t n);
void heap_free(void *p);

/* Bytes in use, their headers included. */
size_t heap_used(void);

#endif
