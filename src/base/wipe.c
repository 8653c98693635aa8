#include "base/wipe.h"

#include <stdint.h>
#include <string.h>

#define STACK_DEPTH (24 * 1024)

void wipe(void *p, size_t n)
{
	if (n == 0) {
		return;
	}
	memset(p, 0, n);
	/* The compiler must assume that this reads the memory, so it keeps the memset. */
	__asm__ volatile("" : : "r"(p) : "memory");
}

/* If it were inlined, the array would be beside the caller's variables, not below them. */
__attribute__((noinline)) void wipe_stack(void)
{
	uint8_t below[STACK_DEPTH];

	wipe(below, sizeof(below));
}

bool equal_ct(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a;
	const uint8_t *y = b;
	unsigned difference = 0;

	for (size_t i = 0; i < n; i++) {
		difference |= (unsigned)(x[i] ^ y[i]);
		/* The compiler cannot know the value any more, so it cannot end the loop early. */
		__asm__("" : "+r"(difference));
	}
	return difference == 0;
}
