/*
 * System calls that fail on demand. The linker replaces the C library's functions with
 * these wrappers in each test that lists them in UNIT_WRAP_test_x.
 */
#ifndef TESTS_FAULTS_H
#define TESTS_FAULTS_H

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* The next call of this function fails, after `skip` calls that succeed. */
struct fault {
	const char *call;
	unsigned skip;
	int error; /* errno; 0: the call does nothing and returns 0 */
};
static struct fault fault;

static inline void fail_once(const char *call, int error)
{
	fault = (struct fault){call, 0, error};
}

static inline bool fails(const char *call)
{
	if (fault.call == NULL || strcmp(fault.call, call) != 0 || fault.skip-- > 0) {
		return false;
	}
	fault.call = NULL;
	errno = fault.error;
	return true;
}

/* FAULTY(type of the result, call, (parameters), (arguments)) */
#define FAULTY(type, call, parameters, arguments)                                                  \
	type __real_##call parameters;                                                             \
	type __wrap_##call parameters;                                                             \
	type __wrap_##call parameters                                                              \
	{                                                                                          \
		return fails(#call) ? (type)(fault.error == 0 ? 0 : -1) : __real_##call arguments; \
	}

FAULTY(int, socket, (int domain, int type, int protocol), (domain, type, protocol))
FAULTY(int, accept4, (int fd, struct sockaddr *a, socklen_t *n, int flags), (fd, a, n, flags))
FAULTY(int, listen, (int fd, int backlog), (fd, backlog))
FAULTY(int, getsockopt, (int fd, int level, int option, void *p, socklen_t *n),
       (fd, level, option, p, n))
FAULTY(ssize_t, send, (int fd, const void *p, size_t n, int flags), (fd, p, n, flags))
FAULTY(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n))
FAULTY(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n))
FAULTY(int, poll, (struct pollfd * p, nfds_t n, int ms), (p, n, ms))
FAULTY(int, fcntl, (int fd, int command, long value), (fd, command, value))
FAULTY(long, syscall, (long number, long a, long b, long c, long d, long e, long f),
       (number, a, b, c, d, e, f))
FAULTY(int, lstat, (const char *file, struct stat *st), (file, st))
FAULTY(int, fchownat, (int fd, const char *file, uid_t uid, gid_t gid, int flags),
       (fd, file, uid, gid, flags))
FAULTY(int, unlink, (const char *file), (file))
FAULTY(int, signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags))
FAULTY(int, epoll_create1, (int flags), (flags))
FAULTY(int, epoll_ctl, (int fd, int op, int at, struct epoll_event *e), (fd, op, at, e))

static unsigned random_flags; /* of the last call of getrandom */
ssize_t __real_getrandom(void *p, size_t n, unsigned flags);
ssize_t __wrap_getrandom(void *p, size_t n, unsigned flags);
ssize_t __wrap_getrandom(void *p, size_t n, unsigned flags)
{
	random_flags = flags;
	return fails("getrandom") ? (fault.error == 0 ? 0 : -1) : __real_getrandom(p, n, flags);
}

/* If set, open returns this instead of opening the file. */
static int opened = -1;
int __real_open(const char *file, int flags, mode_t mode);
int __wrap_open(const char *file, int flags, mode_t mode);
int __wrap_open(const char *file, int flags, mode_t mode)
{
	return fails("open") ? -1 : opened >= 0 ? opened : __real_open(file, flags, mode);
}

/* If set, the time of CLOCK_REALTIME. */
static time_t wall_clock;
struct timespec __real_clock_now(clockid_t clock);
struct timespec __wrap_clock_now(clockid_t clock);
struct timespec __wrap_clock_now(clockid_t clock)
{
	if (clock == CLOCK_REALTIME && wall_clock != 0) {
		return (struct timespec){.tv_sec = wall_clock};
	}
	return __real_clock_now(clock);
}

#endif
