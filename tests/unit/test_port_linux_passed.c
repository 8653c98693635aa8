/*
 * port/linux: the sockets that a supervisor passes.
 */
#include "passed.h"

#include <netinet/in.h>

#include "../../port/linux/listen.h"

static void one(void)
{
	int fd;

	pass(1);
	CHECK(port_listen(PORT_SERVE) == 0);
	CHECK(getenv("LISTEN_PID") == NULL && getenv("LISTEN_FDS") == NULL &&
	      getenv("LISTEN_FDNAMES") == NULL);
	CHECK((fcntl(3, F_GETFL) & O_NONBLOCK) != 0 && fcntl(3, F_GETFD) == FD_CLOEXEC);
	fd = client_of(0);
	say(fd, "x");
	expect(PORT_EVENT_OPEN, 0);
	expect(PORT_EVENT_DATA, 0);
	port_unlisten();
	CHECK(access(passed_path(0), F_OK) == 0); /* it belongs to the supervisor */
	reply(0, "y");
	hear(fd, "y");
	expect(PORT_EVENT_SENT, 0);
	expect_nothing(0);
}

/* Each socket has its clients; at the end none is removed, and none answers. */
static void all(void)
{
	pass(LISTEN_MAX);
	CHECK(port_listen(PORT_SERVE) == 0);
	for (unsigned i = 0; i < LISTEN_MAX; i++) {
		int fd = client_of(LISTEN_MAX - 1 - i);

		CHECK(fcntl(3 + (int)i, F_GETFD) == FD_CLOEXEC);
		CHECK((fcntl(3 + (int)i, F_GETFL) & O_NONBLOCK) != 0);
		expect(PORT_EVENT_OPEN, i);
		say(fd, "hello");
		expect(PORT_EVENT_DATA, i);
		reply(i, "world");
		expect(PORT_EVENT_SENT, i);
		hear(fd, "world");
	}
	port_unlisten();
	port_unlisten();
	for (unsigned i = 0; i < LISTEN_MAX; i++) {
		CHECK(access(passed_path(i), F_OK) == 0 && client() < 0);
	}
	expect_nothing(0);
}

/* An endless row of clients at one socket does not keep out a client at the other. */
static void in_turn(void)
{
	struct port_event e[64];
	unsigned other = 0;
	int fd;

	pass(3);
	CHECK(port_listen(PORT_SERVE) == 0);
	for (unsigned i = 0; i < CONN_MAX + 20; i++) {
		(void)client_of(1);
	}
	CHECK(wait_ms(e, 64, 100) == CONN_MAX);
	for (unsigned i = 0; i < 3; i++) {
		fd = client_of(2);
		say(fd, "other");
	}
	for (unsigned i = 0; i < 9; i++) {
		port_close(i, 0);
		expect(PORT_EVENT_OPEN, i);
		other += wait_ms(e, 64, 0) == 1 && e[0].kind == PORT_EVENT_DATA;
	}
	CHECK(other == 3);
}

/* A broken socket is logged once; the others are served all the same. */
static void one_is_broken(void)
{
	uint64_t start;

	log_begin();
	pass(2);
	CHECK(shutdown(3, SHUT_RD) == 0);
	CHECK(port_listen(PORT_SERVE) == 0);
	expect_nothing(1);
	start = port_now_ms();
	for (unsigned i = 0; i < 31; i++) {
		(void)client_of(1);
		expect(PORT_EVENT_OPEN, i);
	}
	CHECK(port_now_ms() - start < 2500); /* nobody waits for the end of a pause */
	expect_nothing(250);
	CHECK(strstr(log_read(),
		     " error cannot accept clients, will try again: it was shut down\n") != NULL);
	CHECK(strchr(logged, '\n')[1] == '\0');
}

static int no_socket(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static int connected(void)
{
	int ends[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	return ends[0];
}

static int datagrams(void)
{
	return passed_socket(9, SOCK_DGRAM, false);
}

static int packets(void)
{
	return passed_socket(9, SOCK_SEQPACKET, true);
}

static int over_tcp(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	CHECK(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 1) == 0);
	return fd;
}

/* If the second cannot be served, this is logged, and the first is not served either. */
static void something_else(void)
{
	static int (*const kinds[])(void) = {no_socket, connected, datagrams, packets, over_tcp};

	log_begin();
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (i == 0) {
			pass(1);
		}
		pass_count(2);
		pass_fd(1, kinds[i]());
		(void)unlink(passed_path(9));
		CHECK(port_listen(PORT_SERVE) == -ERR_IO && listen_count == 0);
		CHECK(strstr(log_read(), " error descriptor 4, passed by the supervisor, is not a "
					 "listening Unix stream socket\n") != NULL);
	}
	CHECK(close(4) == 0);
	pass_count(2);
	CHECK(port_listen(PORT_SERVE) == -ERR_IO);
	CHECK(strstr(log_read(), "descriptor 4") != NULL);
}

static void too_many(void)
{
	static const char *const counts[] = {"9", "2147483647"};

	log_begin();
	pass(LISTEN_MAX + 1);
	for (unsigned i = 0; i < 2; i++) {
		pass_count(1);
		CHECK(setenv("LISTEN_FDS", counts[i], 1) == 0);
		CHECK(port_listen(PORT_SERVE) == -ERR_IO && listen_count == 0);
		CHECK(strstr(log_read(), " error the supervisor passed more than 8 sockets\n") !=
		      NULL);
	}
}

/* If none was passed, or to another process, attestd makes its own. */
static void none(void)
{
	static const char *const wrong[][2] = {
		{"LISTEN_FDS", "0"}, {"LISTEN_FDS", "x"}, {"LISTEN_PID", "1"}, {"LISTEN_PID", ""}};

	for (unsigned i = 0; i < 4; i++) {
		pass(1);
		CHECK(setenv(wrong[i][0], wrong[i][1], 1) == 0);
		CHECK(unlink(path) == 0 && set_option("--socket", path) == 0);
		CHECK(port_listen(PORT_SERVE) == 0 && listen_created);
		(void)client_of(0);
		expect(PORT_EVENT_OPEN, 0);
		port_close(0, 0);
		port_unlisten();
		CHECK(access(path, F_OK) < 0 && getenv("LISTEN_PID") == NULL);
	}
}

#define ALL_TESTS(X)      \
	X(one)            \
	X(all)            \
	X(in_turn)        \
	X(one_is_broken)  \
	X(something_else) \
	X(too_many)       \
	X(none)

RUN(ALL_TESTS)
