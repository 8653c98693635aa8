#include "sandbox.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "options.h"
#include "paths.h"

/* Where there are two, the ones without 32 take 16 bits. */
#ifdef SYS_setuid32
#define CALL_SETUID SYS_setuid32
#define CALL_SETGID SYS_setgid32
#define CALL_SETGROUPS SYS_setgroups32
#else
#define CALL_SETUID SYS_setuid
#define CALL_SETGID SYS_setgid
#define CALL_SETGROUPS SYS_setgroups
#endif

#define CAPABILITY_VERSION_3 0x20080522

/* The C library's functions are for many threads, with all that this takes. */
bool user_become(void)
{
	if (linux_options.user == (uid_t)-1) {
		return true;
	}
	if (syscall(CALL_SETGROUPS, 0, NULL) < 0 ||
	    syscall(CALL_SETGID, linux_options.user_group) < 0 ||
	    syscall(CALL_SETUID, linux_options.user) < 0) {
		return false;
	}
	errno = 0;
	return syscall(CALL_SETUID, 0) < 0; /* no way back */
}

void tpm_group_join(void)
{
	struct stat st;
	unsigned i = 0;

	while (i < DEVICES && stat(paths.tpms[i], &st) < 0) {
		i++;
	}
	if (i < DEVICES && geteuid() == 0 && st.st_gid != 0 && (st.st_mode & S_IRWXG) >= 060) {
		/* fails where root is not the system's: it may be in that group as it is */
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
