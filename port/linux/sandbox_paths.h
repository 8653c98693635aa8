/*
 * Every path that is opened, looked at or removed once the sandbox is entered.
 * They have a page to themselves that is read-only from then on, and the seccomp
 * filter lets no path through that is elsewhere. How large a page is, only the
 * running kernel knows: all of them are in its first page, and what follows up
 * to the largest is there to keep others out. It takes no memory.
 */
#ifndef LINUX_SANDBOX_PATHS_H
#define LINUX_SANDBOX_PATHS_H

#include <stdalign.h>
#include <stddef.h>
#include <sys/un.h>

#define PAGE_SMALLEST 4096
#define PAGE_LARGEST 65536 /* on 64-bit ARM */
#define DEVICE_MAX 128 /* with its NUL */
#define DEVICES 8

/* Chips that are looked for in sysfs. */
#define CHIPS 10

struct sandbox_paths {
	/* A static PIE is moved by whole pages only: no more than that holds when it runs. */
	alignas(PAGE_LARGEST) char socket[sizeof(((struct sockaddr_un *)0)->sun_path)];
	/* Devices; the last is followed by an empty name, if there is room. */
	char tpms[DEVICES][DEVICE_MAX];
	/*
	 * What the kernel says of each chip: its device's number, the version of
	 * TPM that it is, and a file that only a TPM 1.2 has. The way by
	 * /sys/dev/char/MAJOR:MINOR would be shorter; but a TPM may come when no
	 * name can be added, and its major number is not known before.
	 */
	struct {
		char number[40], version[40], pcrs[40];
	} chips[CHIPS];
};
_Static_assert(offsetof(struct sandbox_paths, chips) + sizeof(((struct sandbox_paths *)0)->chips) <=
		       PAGE_SMALLEST,
	       "one page has them all");
_Static_assert(sizeof(struct sandbox_paths) == PAGE_LARGEST, "and nothing else is in it");
extern struct sandbox_paths sandbox_paths;

/* Fills it from the options. Idempotent, while the options stay as they are. */
void sandbox_paths_fill(void);

#endif
