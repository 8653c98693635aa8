/*
 * Faults on demand, so that a test can tell that they are found:
 * ATTESTD_BUG=heap or =shift.
 */
#include <stdlib.h>
#include <string.h>

__attribute__((constructor)) static void make_a_mistake(void)
{
	const char *bug = getenv("ATTESTD_BUG");
	volatile int much = 32;
	volatile int one = 1;
	/* gcc 14's UBSan knows how big it is, unless its address is read anew: ASan is to tell. */
	volatile char *volatile block = malloc((size_t)much);

	if (bug != NULL && strcmp(bug, "heap") == 0) {
		block[much] = 0;
	} else if (bug != NULL && strcmp(bug, "shift") == 0) {
		one = one << much;
	}
	free((void *)block);
}
