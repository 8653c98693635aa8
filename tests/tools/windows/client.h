/*
 * How a client of a pipe says that the server may not identify it.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include <windows.h>

/* It has a mutex with this name and its process id. */
#define ANONYMOUS "attestd-anonymous-"
#define ANONYMOUS_MAX (sizeof ANONYMOUS + 8)

static inline void anonymous_name(DWORD pid, char name[ANONYMOUS_MAX])
{
	char *at = name + sizeof ANONYMOUS - 1;

	lstrcpyA(name, ANONYMOUS);
	for (int shift = 28; shift >= 0; shift -= 4) {
		*at++ = "0123456789abcdef"[pid >> shift & 15];
	}
	*at = '\0';
}

#endif
