/*
 * Every path that is opened, looked at or removed once the sandbox is entered.
 * They have a page of their own, which is read-only from then on, and the seccomp
 * filter refuses any path that is not in it. Only the running kernel knows how
 * large a page is: so all paths lie in the first 4 KiB, and nothing else lies in
 * the 64 KiB that the largest page has. What is unused takes no memory.
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

/* How many chips are looked for in sysfs. */
#define CHIPS 10

struct sandbox_paths {
	/* The kernel loads a static PIE at any page, so no larger alignment would hold. */
	alignas(PAGE_LARGEST) char socket[sizeof(((struct sockaddr_un *)0)->sun_path)];
	/* Devices, in the order in which they are tried; an empty name ends them. */
	char tpms[DEVICES][DEVICE_MAX];
	/*
	 * Files of sysfs about each chip: its device's number, its TPM version, and
	 * one that only a TPM 1.2 has. /sys/dev/char/MAJOR:MINOR would be simpler,
	 * but the major number of a TPM that comes late is not known in advance,
	 * and no path can be added then.
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

/* Fills it from the options. Idempotent as long as these do not change. */
void sandbox_paths_fill(void);

#endif
