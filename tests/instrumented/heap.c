/*
 * What ESAPI takes for malloc (src/tpm/heap.h), from the real one: so the
 * sanitizer sees each step beyond a block, which in heap.c's array it does not.
 */
#include <malloc.h>
#include <stdlib.h>

#include "bounds.h"
#include "tpm/heap.h"

static size_t in_use;

void *heap_calloc(size_t count, size_t n)
{
	void *p;

	/* As there, it is bounded: and this is how far attestd's goes. */
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
