#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"
#include "options.h"
#include "sandbox_paths.h"

/* If there are two, the ones without 32 in their name take 16 bits. */
#ifdef SYS_setuid32
#define CALL_SETUID SYS_setuid32
#define CALL_SETGID SYS_setgid32
#define CALL_SETGROUPS SYS_setgroups32
#define CALL_SETFSUID SYS_setfsuid32
#else
#define CALL_SETUID SYS_setuid
#define CALL_SETGID SYS_setgid
#define CALL_SETGROUPS SYS_setgroups
#define CALL_SETFSUID SYS_setfsuid
#endif

#define CAPABILITY_VERSION_3 0x20080522

/* The first TPM that exists; NULL: none does. attestd opens this one, unless it is a
 * TPM 1.2, busy or cannot be opened: see open_device. */
static const char *find_tpm(struct stat *st)
{
	for (unsigned i = 0; i < DEVICES && sandbox_paths.tpms[i][0] != '\0'; i++) {
		if (stat(sandbox_paths.tpms[i], st) == 0) {
			return sandbox_paths.tpms[i];
		}
	}
	return NULL;
}

static bool opens(const char *device)
{
	int fd = open(device, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	bool denied = fd < 0 && (errno == EACCES || errno == EPERM);

	if (fd >= 0) {
		(void)close(fd);
	}
	return !denied;
}

/* Without the capabilities that let root past permissions: they are given up later. */
static bool opens_without_capabilities(const char *device)
{
	uint32_t header[2] = {CAPABILITY_VERSION_3, 0};
	uint32_t sets[6], lowered[6];
	bool result;

	if (syscall(SYS_capget, header, sets) < 0) {
		return false;
	}
	memcpy(lowered, sets, sizeof(sets));
	lowered[0] = lowered[3] = 0; /* the effective ones */
	if (syscall(SYS_capset, header, lowered) < 0) {
		return false;
	}
	result = opens(device);
	(void)syscall(SYS_capset, header, sets);
	return result;
}

/* With the file permissions of --user; the kernel also ignores capabilities then. */
static bool opens_as_user(const char *device)
{
	bool result;

	(void)syscall(CALL_SETFSUID, linux_options.user);
	result = opens(device);
	(void)syscall(CALL_SETFSUID, geteuid());
	return result;
}

static bool is_allowed(const struct stat *st)
{
	unsigned mode = st->st_uid == linux_options.user         ? st->st_mode >> 6
			: st->st_gid == linux_options.user_group ? st->st_mode >> 3
								 : st->st_mode;

	return (mode & 06) == 06;
}

/*
 * Can --user open the TPM only through a group that attestd was started with? In
 * a user namespace such a group may have no number, and cannot be taken again
 * once it was dropped; so this is tried before. (If an access control list lets
 * the user in, it looks the same, and the groups are kept without need.)
 */
static bool needs_groups(void)
{
	struct stat st;
	const char *device = find_tpm(&st);

	return device != NULL && getgroups(0, NULL) > 0 && !is_allowed(&st) &&
	       opens_as_user(device);
}

bool user_became;

/* By system calls: the C library's functions handle threads, and are larger. */
bool user_become(void)
{
	if (linux_options.user == (uid_t)-1) {
		return true;
	}
	if (syscall(CALL_SETGID, linux_options.user_group) < 0) {
		return false;
	}
	if (needs_groups()) {
		log_reason(PORT_LOG_INFO,
			   "the TPM opens by one of attestd's own groups: it keeps them", NULL, 0);
	} else if (syscall(CALL_SETGROUPS, 0, NULL) < 0) {
		return false;
	}
	if (syscall(CALL_SETUID, linux_options.user) < 0) {
		return false;
	}
	errno = 0;
	user_became = syscall(CALL_SETUID, 0) < 0; /* no way back */
	return user_became;
}

void tpm_group_join(void)
{
	struct stat st;
	const char *device = find_tpm(&st);

	/* The groups that we have may open it already, above all in a user namespace. */
	if (device != NULL && geteuid() == 0 && st.st_gid != 0 && (st.st_mode & S_IRWXG) >= 060 &&
	    !opens_without_capabilities(device)) {
		/* fails in a user namespace, whose root is not the system's */
		(void)syscall(CALL_SETGROUPS, 1, &st.st_gid);
	}
}

bool capabilities_drop(void)
{
	uint32_t header[2] = {CAPABILITY_VERSION_3, 0};
	uint32_t sets[6] = {0};
	uint32_t any = 0;

	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capget, header, sets) < 0) {
		return false;
	}
	for (unsigned i = 0; i < 6; i++) {
		any |= sets[i];
		sets[i] = 0;
	}
	/* Without capabilities there is no need, and a service manager's filter may
	 * refuse the call. */
	return any == 0 || syscall(SYS_capset, header, sets) == 0;
}
