/*
 * For the tests of port/linux. The port exists once in a process, so each test runs in
 * a process of its own: TEST(name) makes one from `static void name(void)`. Clients are
 * sockets in the same process; none of them blocks.
 */
#ifndef TESTS_PORT_LINUX_H
#define TESTS_PORT_LINUX_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <tss2_tcti.h>
#include <tss2_tcti_device.h>

#include "bounds.h"
#include "err.h"
#include "port.h"

/* A test's process ends here if x is false. cmocka could not report its failure. */
#define CHECK(x)                                                                \
	do {                                                                    \
		if (!(x)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
			_exit(1);                                               \
		}                                                               \
	} while (0)

static char dir[] = "/tmp/port-linux-XXXXXX";
static char path[64];

static inline int set_option(const char *name, const char *value)
{
	/* Behind the name comes a space, and the option's argument for the usage text. */
	size_t n = strlen(name);

	for (size_t i = 0; i < port_option_count; i++) {
		const char *is = port_options[i].name;

		if (strncmp(is, name, n) == 0 && (is[n] == ' ' || is[n] == '\0')) {
			return port_options[i].set(value);
		}
	}
	return -ERR_INTERNAL;
}

/* Runs a test in a process and a folder of its own. */
static inline void in_process(void (*test)(void))
{
	char command[64];
	int status;
	pid_t pid;

	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/socket", dir);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(60);
		CHECK(set_option("--socket", path) == 0);
		test();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	(void)!system(command);
	assert_int_equal(status, 0);
}

#define TEST(name)                            \
	static void test_##name(void **state) \
	{                                     \
		(void)state;                  \
		in_process(name);             \
	}

/* Reads what was logged since log_begin. */
static int log_fd;
static char logged[4096];

static inline void log_begin(void)
{
	int both[2];

	CHECK(pipe(both) == 0 && dup2(both[1], 2) == 2 && close(both[1]) == 0);
	log_fd = fcntl(both[0], F_DUPFD, 100L); /* a high number, so that the low ones stay free */
	CHECK(close(both[0]) == 0 && fcntl(log_fd, F_SETFL, (long)O_NONBLOCK) == 0);
}

static inline const char *log_read(void)
{
	ssize_t n = read(log_fd, logged, sizeof(logged) - 1);

	logged[n > 0 ? n : 0] = '\0';
	return logged;
}

/* A client that has connected, or -1 with errno. */
static inline int client(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0);
	memcpy(a.sun_path, path, strlen(path) + 1);
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		int e = errno;

		(void)close(fd);
		errno = e;
		return -1;
	}
	return fd;
}

static inline void say(int fd, const char *text)
{
	CHECK(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
}

/* The next bytes that fd receives are `text`. */
static inline void hear(int fd, const char *text)
{
	char got[256];
	ssize_t n = read(fd, got, sizeof(got));

	CHECK(n == (ssize_t)strlen(text) && memcmp(got, text, (size_t)n) == 0);
}

static inline int wait_ms(struct port_event *events, size_t cap, unsigned ms)
{
	return port_wait(events, cap, port_now_ms() + ms);
}

/* The next event is this one, and it comes alone. */
static inline void expect(enum port_event_kind kind, unsigned conn)
{
	struct port_event e;

	CHECK(wait_ms(&e, 1, 20000) == 1);
	CHECK(e.kind == kind && e.conn == conn);
}

static inline void expect_nothing(unsigned ms)
{
	struct port_event e;

	CHECK(wait_ms(&e, 1, ms) == 0);
}

static inline void expect_text(unsigned conn, const char *text, bool eof)
{
	const uint8_t *p;
	size_t n;

	CHECK(port_rx(conn, &p, &n) == eof);
	CHECK(n == strlen(text) && memcmp(p, text, n) == 0);
}

static inline void reply(unsigned conn, const char *text)
{
	size_t cap;
	uint8_t *p = port_tx(conn, &cap);

	CHECK(cap == TX_MAX);
	memcpy(p, text, strlen(text));
	port_tx_send(conn, strlen(text));
}

/* ---- a TCTI for port/linux/tpm_device.c, instead of tpm2-tss's ----------- */

/* Opening a device fails with this errno (-1: it never answers), or gives a socket. */
struct fake_device {
	const char *name;
	int error;
	int fd;
	unsigned opened;
};
static struct fake_device fake_devices[2];
/* The transmit function of the next device that is opened. */
static TSS2_TCTI_TRANSMIT_FCN fake_transmit_fcn;
static TSS2_TCTI_RECEIVE_FCN fake_receive_fcn;

static inline TSS2_RC fake_handles(TSS2_TCTI_CONTEXT *c, TSS2_TCTI_POLL_HANDLE *handles, size_t *n)
{
	(void)c;
	handles->fd = fake_devices[0].fd;
	handles->events = POLLIN | POLLOUT;
	*n = 1;
	return TSS2_RC_SUCCESS;
}

static inline void fake_finalize(TSS2_TCTI_CONTEXT *c)
{
	(void)c;
	CHECK(close(fake_devices[0].fd) == 0);
}

TSS2_RC Tss2_Tcti_Device_Init(TSS2_TCTI_CONTEXT *c, size_t *size, const char *conf)
{
	if (c == NULL) {
		*size = sizeof(TSS2_TCTI_CONTEXT_COMMON_V2) + 64;
		return TSS2_RC_SUCCESS;
	}
	for (unsigned i = 0; i < 2; i++) {
		struct fake_device *d = &fake_devices[i];

		if (d->name == NULL || strcmp(d->name, conf) != 0) {
			continue;
		}
		d->opened++;
		if (d->error != 0) {
			errno = d->error > 0 ? d->error : errno;
			return TSS2_TCTI_RC_IO_ERROR;
		}
		TSS2_TCTI_VERSION(c) = 2;
		TSS2_TCTI_TRANSMIT(c) = fake_transmit_fcn;
		TSS2_TCTI_RECEIVE(c) = fake_receive_fcn;
		TSS2_TCTI_FINALIZE(c) = fake_finalize;
		TSS2_TCTI_GET_POLL_HANDLES(c) = fake_handles;
		return TSS2_RC_SUCCESS;
	}
	errno = ENOENT;
	return TSS2_TCTI_RC_IO_ERROR;
}

/* The entry of each test in the table of a program. */
#define UNIT_TEST(name) cmocka_unit_test(test_##name),
#define RUN(list)                                                    \
	list(TEST) int main(void)                                    \
	{                                                            \
		const struct CMUnitTest tests[] = {list(UNIT_TEST)}; \
                                                                     \
		return cmocka_run_group_tests(tests, NULL, NULL);    \
	}

#endif
