/*
 * Bugs on demand (ATTESTD_BUG=heap or =shift), in the build with sanitizers: a test shows by
 * them that the sanitizers find bugs.
 */
#include <stdlib.h>
#include <string.h>

__attribute__((constructor)) static void make_a_mistake(void)
{
	const char *bug = getenv("ATTESTD_BUG");
	volatile int much = 32;
	volatile int one = 1;
	/* volatile, so that AddressSanitizer has to find it: else UBSan of gcc 14 knows the size. */
	volatile char *volatile block = malloc((size_t)much);

	if (bug != NULL && strcmp(bug, "heap") == 0) {
		block[much] = 0;
	} else if (bug != NULL && strcmp(bug, "shift") == 0) {
		one = one << much;
	}
	free((void *)block);
}
