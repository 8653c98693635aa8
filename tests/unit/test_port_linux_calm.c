/*
 * port/linux/wait.c uses no CPU time while there is nothing to do. (This does not
 * run under valgrind, whose own overhead would spoil the measurement.)
 */
#include <sys/resource.h>
#include <time.h>

#include "passed.h"
#include "port_linux.h"

/* Waiting takes hardly any CPU time; a busy loop takes all that it gets. */
static uint64_t cpu_us(void)
{
	struct timespec t;

	CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void forty_clients(void)
{
	struct port_event e[3];
	int fds[40];
	unsigned opened = 0, data = 0;
	uint64_t cpu;
	int n;

	CHECK(port_listen(PORT_SERVE) == 0);
	for (unsigned i = 0; i < 40; i++) {
		fds[i] = client();
		say(fds[i], "x");
	}
	while ((n = wait_ms(e, 3, 0)) > 0) {
		for (int i = 0; i < n; i++) {
			/* the lowest slot first, OPEN before DATA, and none lost */
			CHECK(e[i].kind == (opened == data ? PORT_EVENT_OPEN : PORT_EVENT_DATA));
			CHECK(e[i].conn == data);
			opened += e[i].kind == PORT_EVENT_OPEN;
			data += e[i].kind == PORT_EVENT_DATA;
		}
	}
	CHECK(opened == 32 && data == 32);
	cpu = cpu_us();
	expect_nothing(200); /* while clients wait, without using CPU time */
	CHECK(cpu_us() - cpu < 20000);
	port_close(7, 0);
	port_close(5, 0);
	expect(PORT_EVENT_OPEN, 5);
	expect(PORT_EVENT_DATA, 5);
	expect(PORT_EVENT_OPEN, 7);
	expect(PORT_EVENT_DATA, 7);
	expect_nothing(0);
	hear(fds[7], "");
}

/* All slots taken, and clients at both of the sockets that were passed. */
static void full_with_two_sockets(void)
{
	struct port_event e[64];
	uint64_t cpu;

	pass(2);
	CHECK(port_listen(PORT_SERVE) == 0);
	for (unsigned i = 0; i < CONN_MAX + 4; i++) {
		(void)client_of(i % 2);
	}
	CHECK(wait_ms(e, 64, 100) == CONN_MAX);
	cpu = cpu_us();
	expect_nothing(200);
	CHECK(cpu_us() - cpu < 20000);
	port_close(9, 0);
	expect(PORT_EVENT_OPEN, 9);
	expect_nothing(0);
}

/* Without free descriptors there is a pause before the next accept, not a busy loop. */
static void descriptors_run_out(void)
{
	struct rlimit limit, none;
	uint64_t cpu;
	int fd;

	CHECK(port_listen(PORT_SERVE) == 0);
	fd = client();
	CHECK(fd >= 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0);
	none = limit;
	none.rlim_cur = (rlim_t)fd + 1;
	CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
	cpu = cpu_us();
	expect_nothing(350);
	CHECK(cpu_us() - cpu < 20000);
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	expect(PORT_EVENT_OPEN, 0);
}

/* An idle slot whose peer has hung up; deadlines in the past and in the future. */
static void waits_calmly(void)
{
	uint64_t start, cpu;
	struct port_event e;
	int fd;

	CHECK(port_listen(PORT_SERVE) == 0);
	fd = client();
	say(fd, "x");
	expect(PORT_EVENT_OPEN, 0);
	expect(PORT_EVENT_DATA, 0);
	CHECK(close(fd) == 0);
	start = port_now_ms();
	cpu = cpu_us();
	CHECK(port_wait(&e, 1, start + 300) == 0);
	CHECK(port_now_ms() >= start + 300 && port_now_ms() < start + 20000);
	CHECK(cpu_us() - cpu < 20000);
	CHECK(port_wait(&e, 1, 0) == 0);
}

#define ALL_TESTS(X)             \
	X(forty_clients)         \
	X(full_with_two_sockets) \
	X(descriptors_run_out)   \
	X(waits_calmly)

RUN(ALL_TESTS)
