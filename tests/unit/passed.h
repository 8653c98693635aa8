/*
 * Passes sockets to the port as a supervisor does.
 */
#ifndef TESTS_PASSED_H
#define TESTS_PASSED_H

#include "port_linux.h"

static inline const char *passed_path(unsigned i)
{
	(void)snprintf(path, sizeof(path), "%s/%u", dir, i);
	return path;
}

static inline int passed_socket(unsigned i, int type, bool listening)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type, 0);

	memcpy(a.sun_path, passed_path(i), strlen(passed_path(i)) + 1);
	CHECK(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	CHECK(!listening || listen(fd, 64) == 0);
	return fd;
}

/* Moves fd to the place of the i-th passed socket. */
static inline void pass_fd(unsigned i, int fd)
{
	int to = 3 + (int)i;

	CHECK(fd == to || (dup2(fd, to) == to && (fd < 20 || close(fd) == 0)));
}

/* Tells the port that n sockets are passed. */
static inline void pass_count(unsigned n)
{
	char number[16];

	(void)snprintf(number, sizeof(number), "%d", getpid());
	CHECK(setenv("LISTEN_PID", number, 1) == 0);
	(void)snprintf(number, sizeof(number), "%u", n);
	CHECK(setenv("LISTEN_FDS", number, 1) == 0);
	CHECK(setenv("LISTEN_FDNAMES", "a:b", 1) == 0);
}

/* Passes n listening sockets. */
static inline void pass(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		int fd = passed_socket(i, SOCK_STREAM, true);
		int away = fcntl(fd, F_DUPFD, 50);

		CHECK(away >= 50 && close(fd) == 0);
		pass_fd(i, away);
	}
	pass_count(n);
}

static inline int client_of(unsigned i)
{
	int fd;

	(void)passed_path(i);
	fd = client();
	CHECK(fd >= 0);
	return fd;
}

#endif
