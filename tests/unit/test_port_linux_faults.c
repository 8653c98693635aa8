/*
 * port/linux where the system says no: it is said in the log, nothing is left
 * behind, and what may be tried again is.
 */
#include "port_linux.h"

#include "faults.h"

#include "../../port/linux/listen.h"
#include "../../port/linux/log.h"

/* Each in a process of its own, as what is told apart by its number. */
static void each(unsigned count, void (*one)(unsigned i))
{
	for (unsigned i = 0; i < count; i++) {
		pid_t pid = fork();
		int status;

		CHECK(pid >= 0);
		if (pid == 0) {
			log_begin();
			one(i);
			_exit(0);
		}
		CHECK(waitpid(pid, &status, 0) == pid);
		if (status != 0) {
			(void)fprintf(stderr, "number %u\n", i);
		}
		CHECK(status == 0);
	}
}
#define EACH(table, one) each(sizeof(table) / sizeof((table)[0]), one)

/* ---- a socket of our own --------------------------------------------------- */

static const struct {
	struct fault fault;
	bool stale; /* a former process has left its socket */
	int result;
	const char *log;
} creations[] = {
	/* lstat: of three folders first */
	{{"signalfd", 0, EMFILE}, false, -ERR_IO, "cannot take signals: too many"},
	{{"lstat", 0, EACCES}, false, -ERR_IO, "cannot look at /: permission denied"},
	{{"lstat", 3, EACCES}, false, -ERR_IO, "cannot look at"},
	{{"open", 0, EACCES}, false, 0, "warning cannot lock"},
	{{"open", 1, ENOENT}, false, -ERR_IO, "cannot find"},
	{{"socket", 0, EMFILE}, false, -ERR_IO, "cannot make a socket"},
	{{"socket", 0, EMFILE}, true, -ERR_IO, "cannot make a socket"},
	{{"socket", 1, EMFILE}, true, -ERR_IO, "cannot make a socket"},
	{{"unlink", 0, EROFS}, true, -ERR_IO, "cannot remove"},
	{{"unlink", 0, ENOENT}, true, -ERR_ADDRESS, "cannot bind to"}, /* it is there still */
	{{"fchownat", 0, EPERM}, false, -ERR_IO, "cannot set the owner of"},
	{{"listen", 0, EADDRINUSE}, false, -ERR_IO, "cannot listen on"},
	{{NULL, 0, 0}, true, 0, ""},
};

static void create(unsigned i)
{
	(void)unlink(path);
	if (creations[i].stale) {
		CHECK(port_listen(PORT_SERVE) == 0 && close(listen_fds[0]) == 0);
		listen_count = 0;
	}
	CHECK(set_option("--group", "12") == 0);
	fault = creations[i].fault;
	CHECK(port_listen(PORT_SERVE) == creations[i].result);
	CHECK(strstr(log_read(), creations[i].log) != NULL);
	CHECK((listen_count > 0) == (creations[i].result == 0));
	port_unlisten();
	/* What cannot be found cannot be known for ours. */
	CHECK(creations[i].stale || access(path, F_OK) != 0 ||
	      strcmp(creations[i].log, "cannot find") == 0);
}

static void creating(void)
{
	EACH(creations, create);
}

/* ---- a socket that was passed ------------------------------------------------ */

static const struct {
	struct fault fault;
	int result;
} adoptions[] = {
	{{"getsockopt", 0, ENOTSOCK}, -ERR_IO},
	{{"syscall", 2, EBADF}, -ERR_IO}, /* behind two for signals */
	{{"syscall", 3, EBADF}, -ERR_IO},
	{{NULL, 0, 0}, 0},
};

static void adopt(unsigned i)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char pid[16];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(a.sun_path, path, sizeof(path));
	(void)unlink(path);
	CHECK(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 1) == 0);
	CHECK(dup2(fd, 3) == 3);
	(void)snprintf(pid, sizeof(pid), "%d", getpid());
	CHECK(setenv("LISTEN_PID", pid, 1) == 0 && setenv("LISTEN_FDS", "1", 1) == 0);
	CHECK(set_option("--socket", path) == 0);
	fault = adoptions[i].fault;
	CHECK(port_listen(PORT_SERVE) == adoptions[i].result);
	CHECK((log_read()[0] != '\0') == (adoptions[i].result != 0));
	port_unlisten();
	CHECK(access(path, F_OK) == 0);
}

static void adopting(void)
{
	EACH(adoptions, adopt);
}

/* ---- connections ---------------------------------------------------------------- */

static const struct {
	struct fault fault;
	int first; /* what the first wait returns */
} waits[] = {
	{{"poll", 0, EINTR}, 1},           {{"poll", 0, EAGAIN}, 1},
	{{"poll", 0, EBADF}, -ERR_IO},     {{"accept4", 0, EINTR}, 1},
	{{"accept4", 0, ECONNABORTED}, 1}, {{"accept4", 0, EMFILE}, 1}, /* after a rest */
	{{"read", 0, EINTR}, 1},
};

static void wait_for_client(unsigned i)
{
	struct port_event e;

	(void)unlink(path);
	CHECK(port_listen(PORT_SERVE) == 0 && client() >= 0);
	fault = waits[i].fault;
	CHECK(wait_ms(&e, 1, 2000) == waits[i].first);
	CHECK(waits[i].first < 0 || e.kind == PORT_EVENT_OPEN);
	CHECK(fault.call == NULL);
}

static void waiting(void)
{
	EACH(waits, wait_for_client);
}

/* Said once, until it has worked again; and others are not kept waiting by it. */
static void accepting(void)
{
	static const char said[] = "error cannot accept clients, and tries again: too many files";

	log_begin();
	CHECK(port_listen(PORT_SERVE) == 0 && client() >= 0);
	for (unsigned i = 0; i < 4; i++) {
		fail_once("accept4", ENFILE);
		for (unsigned k = 0; k < 50 && fault.call != NULL; k++) {
			expect_nothing(20);
		}
		CHECK(fault.call == NULL && (strstr(log_read(), said) != NULL) == (i % 2 == 0));
		if (i == 1) {
			expect(PORT_EVENT_OPEN, 0);
			CHECK(client() >= 0);
		}
	}
	expect(PORT_EVENT_OPEN, 1);
	CHECK(log_read()[0] == '\0');
}

/* Whether somebody waits behind a client is looked for seldom where they come one by one;
 * and yet nobody who does is left there. */
static void one_by_one(void)
{
	unsigned vain = 0;

	CHECK(port_listen(PORT_SERVE) == 0);
	for (unsigned i = 0; i < 40; i++) {
		int fd = client();

		fault = (struct fault){"accept4", 1, EAGAIN};
		expect(PORT_EVENT_OPEN, 0);
		vain += fault.call == NULL;
		fault.call = NULL;
		port_close(0, 0);
		CHECK(close(fd) == 0);
	}
	CHECK(vain >= 8 && vain <= 12);
	CHECK(client() >= 0 && client() >= 0 && client() >= 0);
	for (unsigned c = 0; c < 3; c++) {
		expect(PORT_EVENT_OPEN, c);
	}
}

static void unknown_peer(void)
{
	CHECK(port_listen(PORT_SERVE) == 0 && client() >= 0);
	expect(PORT_EVENT_OPEN, 0);
	fail_once("getsockopt", ENOTCONN);
	CHECK(port_admit(0) == -ERR_ACCESS);
}

/* ---- the client's side ------------------------------------------------------------ */

static const struct {
	struct fault fault;
	const char *request;
	int result;
	const char *log;
} calls[] = {
	{{"socket", 0, EMFILE}, "x", -ERR_IO, "cannot make a socket"},
	{{"poll", 0, EIO}, "x", -ERR_IO, "no answer from"},
	{{"poll", 0, 0}, "x", -ERR_IO, "timed out"},
	{{"poll", 0, EINTR}, "x", 0, ""},
	{{"read", 0, EINTR}, "x", 0, ""},
	{{"read", 0, EAGAIN}, "x", 0, ""},
	{{"read", 0, EIO}, "x", -ERR_IO, "no answer from"},
	{{"send", 0, EINTR}, "x", 0, ""},
	{{"send", 0, EAGAIN}, "x", 0, ""},
	{{"send", 0, EPIPE}, "x", 0, ""}, /* it may have answered already */
	{{"read", 0, EIO}, NULL, -ERR_IO, "cannot read standard input"},
	{{"poll", 0, EIO}, NULL, -ERR_IO, "cannot read standard input"},
};

/* A service that answers at once. */
static void call(unsigned i)
{
	uint8_t buf[16];
	size_t n;
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), zero[2];
	pid_t pid;

	(void)unlink(path);
	memcpy(a.sun_path, path, sizeof(path));
	CHECK(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 1) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		int c = accept(fd, NULL, NULL);

		(void)send(c, "y\n", 2, MSG_NOSIGNAL);
		(void)pause();
	}
	CHECK(pipe(zero) == 0 && dup2(zero[0], 0) == 0 && write(zero[1], "x\n", 2) == 2);
	fault = calls[i].fault;
	CHECK(port_call(calls[i].request, buf, sizeof(buf), &n) == calls[i].result);
	CHECK(n == (calls[i].result == 0 ? 1 : 0));
	CHECK(strstr(log_read(), calls[i].log) != NULL && fault.call == NULL);
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
}

static void calling(void)
{
	static char longer[REQUEST_MAX + 2];
	uint8_t buf[1];
	size_t n;

	EACH(calls, call);
	memset(longer, 'x', sizeof(longer) - 1);
	CHECK(port_call(longer, buf, sizeof(buf), &n) == -ERR_TOO_LONG);
}

/* ---- the TPM -------------------------------------------------------------------------- */

/* Who cannot wait for it is told so, and blocks. */
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

/* ---- the rest --------------------------------------------------------------------------- */

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
	/* Who reads the log is stuck. */
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
		CHECK(strstr(log_read(),
			     i == 0 ? "cannot write what was asked for: no space left"
				    : "cannot write what was asked for: input/output") != NULL);
	}
}

static void random_bytes(void)
{
	uint8_t a[64] = {0}, zero[64] = {0};

	fail_once("getrandom", EINTR);
	CHECK(port_random(a, sizeof(a)) == 0 && memcmp(a, zero, sizeof(a)) != 0);
	/* The kernel is not ready: not waited for, and told apart. */
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

/* The first three descriptors are never the next thing opened. */
static void standard_descriptors(void)
{
	fail_once("poll", ENOMEM);
	CHECK(port_run(7, NULL, body) == 7);
	CHECK(close(0) == 0);
	fail_once("open", ENOENT); /* no /dev/null */
	CHECK(port_run(7, NULL, body) == 7);
	CHECK(fault.call == NULL && __real_fcntl(0, F_GETFD, 0) >= 0);
	/* An input or output that was closed cannot be used; the log's can be written. */
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
	port_state(PORT_STARTING); /* relative: not for us */
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
		port_rx_ack(0, 1); /* more than there is */
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7);
	CHECK(strstr(log_read(), "error assertion failed: n <= ") != NULL);
}

#define ALL_TESTS(X)            \
	X(creating)             \
	X(adopting)             \
	X(waiting)              \
	X(accepting)            \
	X(one_by_one)           \
	X(unknown_peer)         \
	X(calling)              \
	X(watching)             \
	X(no_signals)           \
	X(logging)              \
	X(printing)             \
	X(random_bytes)         \
	X(standard_descriptors) \
	X(notifying)            \
	X(a_failed_assert)

RUN(ALL_TESTS)
