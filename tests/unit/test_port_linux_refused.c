/*
 * port/linux where the system fails a call for the TPM, the log, the output, random numbers,
 * the standard descriptors or the supervisor; and a failed assertion.
 */
#include "port_linux_faulty.h"

/* ---- the TPM -------------------------------------------------------------------------- */

/* If the device cannot be waited for, this is logged, and the caller blocks. */
static const struct fault watches[] = {
	{"epoll_create1", 0, EMFILE}, {"epoll_ctl", 0, EPERM}, {NULL, 0, 0}};

static void watch(unsigned i)
{
	TSS2_TCTI_CONTEXT *tcti;
	const char *name;
	int pair[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	fake_devices[0] = (struct fake_device){.name = "tpm-fake", .fd = pair[0]};
	CHECK(set_option("--tpm", "tpm-fake") == 0);
	fault = watches[i];
	CHECK(port_tpm_open(&tcti, &name) == 0);
	CHECK(port_tpm_arm() == (watches[i].call != NULL ? -ERR_NOTSUP : 0));
	port_tpm_close();
}

static void watching(void)
{
	EACH(watches, watch);
}

static void no_signals(void)
{
	TSS2_TCTI_CONTEXT *tcti;
	const char *name;

	fail_once("signalfd", EMFILE);
	CHECK(port_tpm_open(&tcti, &name) == -ERR_TPM_UNAVAILABLE);
}

/* ---- the log and the output ---------------------------------------- */

static const struct {
	time_t time;
	const char *text;
} dates[] = {
	{1, "1970-01-01T00:00:01Z info x\n"},
	{951782399, "2000-02-28T23:59:59Z info x\n"},
	{951782400, "2000-02-29T00:00:00Z info x\n"},
	{951868800, "2000-03-01T00:00:00Z info x\n"},
	{1798761599, "2026-12-31T23:59:59Z info x\n"},
	{4107542400, "2100-03-01T00:00:00Z info x\n"},
	{-5, "1970-01-01T00:00:00Z info x\n"},
};

static void log_date(unsigned i)
{
	wall_clock = dates[i].time;
	port_log(PORT_LOG_INFO, "x", 1);
	CHECK(strcmp(log_read(), dates[i].text) == 0);
}

static void logging(void)
{
	EACH(dates, log_date);
	log_begin();
	log_reason(PORT_LOG_ERROR, "a\nb", "c", 4095);
	CHECK(strstr(log_read(), "error a?b c: errno 4095\n") != NULL);
	/* The log's reader is stuck. */
	for (int i = 0; i < 3; i++) {
		fail_once("poll", i == 0 ? EINTR : 0);
		port_log(PORT_LOG_INFO, "lost", i < 2 ? 4 : 0);
		CHECK(log_read()[0] == '\0' || i == 2);
	}
}

static void printing(void)
{
	static const int errors[] = {EAGAIN, EINTR};

	log_begin();
	for (unsigned i = 0; i < 2; i++) {
		fail_once("write", errors[i]);
		CHECK(port_print(true, "all", 3) == 0);
		CHECK(strcmp(log_read(), "all") == 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		fail_once("write", i == 0 ? ENOSPC : 0);
		CHECK(port_print(false, "none", 4) == -ERR_IO);
		CHECK(strstr(log_read(), i == 0 ? "cannot write the output: no space left"
						: "cannot write the output: input/output") != NULL);
	}
}

static void random_bytes(void)
{
	uint8_t a[64] = {0}, zero[64] = {0};

	fail_once("getrandom", EINTR);
	CHECK(port_random(a, sizeof(a)) == 0 && memcmp(a, zero, sizeof(a)) != 0);
	/* If the kernel has no randomness yet, there is no wait, and an error of its own. */
	fail_once("getrandom", EAGAIN);
	CHECK(port_random(a, sizeof(a)) == -ERR_RANDOM);
	CHECK(random_flags == GRND_NONBLOCK);
	fail_once("getrandom", ENOSYS);
	CHECK(port_random(a, sizeof(a)) == -ERR_IO);
	fail_once("getrandom", 0);
	CHECK(port_random(a, sizeof(a)) == -ERR_IO);
}

static int body(int argc, char **argv)
{
	(void)argv;
	return argc;
}

/* No file that is opened later gets one of the first three descriptors. */
static void standard_descriptors(void)
{
	fail_once("poll", ENOMEM);
	CHECK(port_run(7, NULL, body) == 7);
	CHECK(close(0) == 0);
	fail_once("open", ENOENT); /* no /dev/null */
	CHECK(port_run(7, NULL, body) == 7);
	CHECK(fault.call == NULL && __real_fcntl(0, F_GETFD, 0) >= 0);
	/* A closed standard input or output stays unusable; the log's can be written. */
	for (int fd = 0; fd < 3; fd++) {
		char c = 0;

		CHECK(close(fd) == 0 && port_run(7, NULL, body) == 7);
		CHECK(__real_fcntl(fd, F_GETFD, 0) >= 0);
		CHECK((__real_read(fd, &c, 1) < 0) == (fd == 0));
		CHECK((__real_write(fd, &c, 1) < 0) == (fd == 1));
	}
}

static void notifying(void)
{
	char name[200];

	log_begin();
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	CHECK(setenv("NOTIFY_SOCKET", name, 1) == 0);
	port_state(PORT_STARTING); /* a relative path is ignored */
	name[0] = '/';
	CHECK(setenv("NOTIFY_SOCKET", name, 1) == 0);
	port_state(PORT_STARTING); /* too long */
	port_state(PORT_READY);
	CHECK(log_read()[0] == '\0');
	CHECK(setenv("NOTIFY_SOCKET", "@attestd-nobody", 1) == 0);
	port_state(PORT_STARTING);
	CHECK(strstr(log_read(), "cannot notify @attestd-nobody: connection refused") != NULL);
	fail_once("socket", EMFILE);
	port_state(PORT_STARTING);
	CHECK(strstr(log_read(), "cannot notify @attestd-nobody: too many") != NULL);
	port_state(PORT_STOPPING);
	CHECK(log_read()[0] == '\0');
}

static void trapped(int sig)
{
	(void)sig;
	_exit(7);
}

static void a_failed_assert(void)
{
	pid_t pid;
	int status;

	log_begin();
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		CHECK(signal(SIGILL, trapped) != SIG_ERR && signal(SIGTRAP, trapped) != SIG_ERR);
		port_rx_ack(0, 1); /* more than has arrived */
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7);
	CHECK(strstr(log_read(), "error assertion failed: n <= ") != NULL);
}

#define ALL_TESTS(X)            \
	X(watching)             \
	X(no_signals)           \
	X(logging)              \
	X(printing)             \
	X(random_bytes)         \
	X(standard_descriptors) \
	X(notifying)            \
	X(a_failed_assert)

RUN(ALL_TESTS)
