/*
 * Linked into the builds with sanitizers and coverage, before the system calls by which
 * attestd gives up what it does not need. Those that would harm sanitizers and gcov are not
 * made, and are said to have succeeded. So the sandbox's code runs, but there is no sandbox.
 */
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int __real_prctl(int option, ...);
long __real_syscall(long number, ...);
int __wrap_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);

int __wrap_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	if (option == PR_SET_SECCOMP) {
		return 0;
	}
	return __real_prctl(option, a, b, c, d);
}

/* Landlock's three calls have the same numbers on all machines. */
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	if (number == SYS_landlock_restrict_self ||
	    (number == SYS_seccomp && a == SECCOMP_SET_MODE_FILTER)) {
		return 0;
	}
	return __real_syscall(number, a, b, c, d, e, f);
}
