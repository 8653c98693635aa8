/*
 * Every path that is opened, looked at or removed once the sandbox is entered.
 * They fill a page that is read-only from then on, and the seccomp filter
 * lets no path through that is elsewhere.
 */
#ifndef LINUX_PATHS_H
#define LINUX_PATHS_H

#include <stdalign.h>
#include <sys/un.h>

#define PATHS_PAGE 4096
#define DEVICE_MAX 128 /* with its NUL */
#define DEVICES 8

struct paths {
	alignas(PATHS_PAGE) char socket[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct {
		char device
			[DEVICE_MAX]; /* the last is followed by an empty one, if there is room */
		char version[64]; /* where the kernel says which TPM that is */
	} tpms[DEVICES];
};
_Static_assert(sizeof(struct paths) == PATHS_PAGE, "one page, and nothing else in it");
extern struct paths paths;

/* Fills it from the options. Idempotent, while the options stay as they are. */
void paths_fill(void);

#endif
