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

/* Where there are two, the ones without 32 take 16 bits. */
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

/* The first TPM that is there, of which attestd opens no other; NULL: none is. */
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

/* Without root's way past permissions, which is given up later. */
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

/* As the user of --user, to files; the kernel takes root's way from him as well. */
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
 * Is it one of the groups with which attestd was started that opens the TPM for
 * --user? In a user namespace such a group may have no number, and nobody who
 * has laid it down gets it again; so it is tried before. (What an access list
 * allows looks the same; then they stay without need.)
 */
static bool needs_groups(void)
{
	struct stat st;
	const char *device = find_tpm(&st);

	return device != NULL && getgroups(0, NULL) > 0 && !is_allowed(&st) &&
	       opens_as_user(device);
}

bool user_became;

/* The C library's functions are for many threads, with all that this takes. */
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
			   "the TPM opens by a group that attestd was started with: it keeps them",
			   NULL, 0);
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

	/* Groups that it has may be what opens it, in a user namespace above all. */
	if (device != NULL && geteuid() == 0 && st.st_gid != 0 && (st.st_mode & S_IRWXG) >= 060 &&
	    !opens_without_capabilities(device)) {
		/* fails where root is not the system's */
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
	/* Who has none may be refused the call, by a service manager's filter. */
	return any == 0 || syscall(SYS_capset, header, sets) == 0;
}
