#include "act_as_user.h"

#include <errno.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "options.h"
#include "sandbox.h"

/* If there are two, the ones without 32 in their name take 16 bits. */
#ifdef SYS_setresuid32
#define CALL_SETRESUID SYS_setresuid32
#define CALL_SETRESGID SYS_setresgid32
#define CALL_SETGROUPS SYS_setgroups32
#else
#define CALL_SETRESUID SYS_setresuid
#define CALL_SETRESGID SYS_setresgid
#define CALL_SETGROUPS SYS_setgroups
#endif

#define GROUPS_MAX 64
/* The number of any group that has none in this user namespace. */
#define OVERFLOW_GROUP 65534

static struct {
	bool active;
	gid_t group;
	int count; /* of groups that were dropped; -1: they were kept */
	gid_t groups[GROUPS_MAX];
} own;

/*
 * Supplementary groups are dropped as well, if they can be taken again later:
 * a group without a number cannot, and it may be the one that opens the TPM.
 */
static void drop_groups(void)
{
	own.count = getgroups(GROUPS_MAX, own.groups);
	for (int i = 0; i < own.count; i++) {
		if (own.groups[i] == OVERFLOW_GROUP) {
			own.count = -1;
		}
	}
	if (own.count >= 0 && syscall(CALL_SETGROUPS, 0, NULL) < 0) {
		own.count = -1;
	}
}

bool act_as_user(void)
{
	int e;

	if (user_became) {
		return true;
	}
	own.active = true;
	own.group = getegid();
	drop_groups();
	if (syscall(CALL_SETRESGID, -1, linux_options.user_group, -1) == 0 &&
	    syscall(CALL_SETRESUID, -1, linux_options.user, -1) == 0) {
		return true;
	}
	e = errno;
	act_as_self();
	errno = e;
	return false;
}

void act_as_self(void)
{
	if (!own.active) {
		return;
	}
	own.active = false;
	(void)syscall(CALL_SETRESUID, -1, 0, -1);
	(void)syscall(CALL_SETRESGID, -1, own.group, -1);
	if (own.count >= 0) {
		(void)syscall(CALL_SETGROUPS, own.count, own.groups);
	}
}
