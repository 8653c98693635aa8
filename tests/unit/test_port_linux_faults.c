/*
 * port/linux where the system fails a call for a socket: the log says so, nothing is left
 * behind, and what may succeed later is tried again.
 */
#include "port_linux_faulty.h"

#include "../../port/linux/listen.h"

/* ---- a socket of our own --------------------------------------------------- */

static const struct {
	struct fault fault;
	bool stale; /* an earlier process has left its socket */
	int result;
	const char *log;
} creations[] = {
	/* the first three lstat calls are for folders */
	{{"signalfd", 0, EMFILE}, false, -ERR_IO, "cannot take signals: too many"},
	{{"lstat", 0, EACCES}, false, -ERR_IO, "cannot look at /: permission denied"},
	{{"lstat", 3, EACCES}, false, -ERR_IO, "cannot look at"},
	{{"open", 0, EACCES}, false, 0, "warning cannot lock"},
	{{"open", 1, ENOENT}, false, -ERR_IO, "cannot find"},
	{{"socket", 0, EMFILE}, false, -ERR_IO, "cannot make a socket"},
	{{"socket", 0, EMFILE}, true, -ERR_IO, "cannot make a socket"},
	{{"socket", 1, EMFILE}, true, -ERR_IO, "cannot make a socket"},
	{{"unlink", 0, EROFS}, true, -ERR_IO, "cannot remove"},
	{{"unlink", 0, ENOENT},
	 true,
	 -ERR_ADDRESS,
	 "cannot bind to"}, /* the socket is still there */
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
	/* If the socket cannot be looked at, it cannot be identified as ours. */
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
	{{"syscall", 2, EBADF}, -ERR_IO}, /* two calls for signals come before */
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
	{{"accept4", 0, ECONNABORTED}, 1}, {{"accept4", 0, EMFILE}, 1}, /* after a pause */
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

/* It is logged once until accept has worked again, and does not keep others waiting. */
static void accepting(void)
{
	static const char said[] = "error cannot accept clients, will try again: too many files";

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

/* While clients come one by one, a second accept is seldom tried; but a client that
 * waits is found all the same. */
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
	{{"send", 0, EPIPE}, "x", 0, ""}, /* the service may have answered already */
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

#define ALL_TESTS(X)    \
	X(creating)     \
	X(adopting)     \
	X(waiting)      \
	X(accepting)    \
	X(one_by_one)   \
	X(unknown_peer) \
	X(calling)

RUN(ALL_TESTS)
