/*
 * A heap that says no: ATTESTD_PROBE_HEAP=N has ESAPI's N-th allocation fail,
 * N+ that one and all that follow. (Counted from the program's start, from 1.)
 */
#include <stdlib.h>
#include <string.h>

#include "tpm/heap.h"

void *__real_heap_malloc(size_t n);
void *__real_heap_calloc(size_t count, size_t n);
void *__wrap_heap_malloc(size_t n);
void *__wrap_heap_calloc(size_t count, size_t n);

static int refused(void)
{
	static unsigned long count;
	const char *wish = getenv("ATTESTD_PROBE_HEAP");
	unsigned long n = wish == NULL ? 0 : strtoul(wish, NULL, 10);

	count++;
	return n != 0 && (count == n || (count > n && strchr(wish, '+') != NULL));
}

void *__wrap_heap_malloc(size_t n)
{
	return refused() ? NULL : __real_heap_malloc(n);
}

void *__wrap_heap_calloc(size_t count, size_t n)
{
	return refused() ? NULL : __real_heap_calloc(count, n);
}
