/*
 * Takes the place of src/tpm/heap.c in the build with sanitizers: ESAPI's memory is from the
 * real malloc, so that AddressSanitizer sees each access beyond a block. In heap.c's array it
 * would not.
 */
#include <malloc.h>
#include <stdlib.h>

#include "bounds.h"
#include "tpm/heap.h"

static size_t in_use;

void *heap_calloc(size_t count, size_t n)
{
	void *p;

	/* As in heap.c, all blocks together have at most HEAP_MAX bytes. */
	if (in_use > HEAP_MAX || (n != 0 && count > (HEAP_MAX - in_use) / n)) {
		return NULL;
	}
	p = calloc(count, n);
	if (p == NULL) {
		abort();
	}
	in_use += malloc_usable_size(p);
	return p;
}

void *heap_malloc(size_t n)
{
	return heap_calloc(1, n);
}

void heap_free(void *p)
{
	if (p != NULL) {
		in_use -= malloc_usable_size(p);
		free(p);
	}
}

size_t heap_used(void)
{
	return in_use;
}
