/*
 * port/linux: connections, from accept to close.
 */
#include "port_linux.h"

#include "../../port/linux/slot.h"

static void answers(void)
{
	int fd;
	struct port_id id;
	char who[96];
	size_t cap;

	CHECK(port_listen(PORT_SERVE) == 0);
	fd = client();
	say(fd, "hello\n");
	expect(PORT_EVENT_OPEN, 0);
	expect(PORT_EVENT_DATA, 0);
	expect_text(0, "hello\n", false);
	port_rx_ack(0, 6);
	expect_text(0, "", false);
	CHECK(port_admit(0) == 0);
	port_peer(0, &id);
	(void)snprintf(who, sizeof(who), "pid=%d uid=%d gid=%d", getpid(), getuid(), getgid());
	CHECK(strcmp(id.text, who) == 0);
	reply(0, "world\n");
	expect(PORT_EVENT_SENT, 0);
	port_close(0, 0);
	hear(fd, "world\n");
	hear(fd, "");
	CHECK(port_tx(0, &cap)[0] == 0); /* wiped */
	expect_nothing(0);
}

static void splits(void)
{
	const char *line = "one two three\nnext";
	size_t n = strlen(line);
	int fd;

	CHECK(port_listen(PORT_SERVE) == 0);
	fd = client();
	expect(PORT_EVENT_OPEN, 0);
	expect_nothing(0);
	for (size_t i = 0; i < n; i++) {
		char part[32];

		CHECK(write(fd, line + i, 1) == 1);
		expect(PORT_EVENT_DATA, 0);
		memcpy(part, line, i + 1);
		part[i + 1] = '\0';
		expect_text(0, part, false);
		expect_nothing(0); /* without port_rx_arm no event comes */
		port_rx_arm(0);
	}
	CHECK(close(fd) == 0);
	expect(PORT_EVENT_DATA, 0);
	expect_text(0, line, true);
	port_rx_ack(0, 14);
	expect_text(0, "next", true);
	port_close(0, LINGER_MS);
	CHECK(slots_used == 0);
}

/* After an acknowledgement in the middle, port_rx_arm moves the rest to the front. */
static void moves_up(void)
{
	static uint8_t much[RX_MAX + 100];
	const uint8_t *p;
	size_t n;
	int fd;

	CHECK(port_listen(PORT_SERVE) == 0);
	fd = client();
	for (size_t i = 0; i < sizeof(much); i++) {
		much[i] = (uint8_t)(i * 7 / 3);
	}
	CHECK(write(fd, much, sizeof(much)) == sizeof(much));
	expect(PORT_EVENT_OPEN, 0);
	expect(PORT_EVENT_DATA, 0);
	CHECK(!port_rx(0, &p, &n) && n == RX_MAX);
	port_rx_ack(0, 60);
	port_rx_arm(0);
	expect(PORT_EVENT_DATA, 0);
	CHECK(!port_rx(0, &p, &n) && n == RX_MAX && memcmp(p, much + 60, n) == 0);
	port_rx_ack(0, n);
	port_rx_arm(0);
	expect(PORT_EVENT_DATA, 0);
	CHECK(!port_rx(0, &p, &n) && n == 40 && memcmp(p, much + 60 + RX_MAX, n) == 0);
}

static void half_closes(void)
{
	int fd;

	CHECK(port_listen(PORT_SERVE) == 0);
	fd = client();
	say(fd, "get");
	expect(PORT_EVENT_OPEN, 0);
	expect(PORT_EVENT_DATA, 0);
	port_rx_arm(0);
	CHECK(shutdown(fd, SHUT_WR) == 0);
	expect(PORT_EVENT_DATA, 0);
	expect_text(0, "get", true);
	reply(0, "got");
	expect(PORT_EVENT_SENT, 0);
	port_close(0, 1000);
	hear(fd, "got");
	hear(fd, "");
	CHECK(slots_used == 0);
}

static void resets(void)
{
	int fd;

	CHECK(port_listen(PORT_SERVE) == 0);
	fd = client();
	expect(PORT_EVENT_OPEN, 0);
	CHECK(send(slots[0].tx_fd, "unread", 6, 0) == 6);
	CHECK(close(fd) == 0); /* with unread input, so this resets the connection */
	expect(PORT_EVENT_CLOSED, 0);
	expect_nothing(0);
	port_close(0, 1000);
	CHECK(slots_used == 0);

	fd = client();
	say(fd, "x");
	expect(PORT_EVENT_OPEN, 0);
	expect(PORT_EVENT_DATA, 0);
	CHECK(close(fd) == 0);
	expect_nothing(20); /* the port does not read while the core is to act */
	reply(0, "late");
	expect(PORT_EVENT_CLOSED, 0);
	port_close(0, 0);
	CHECK(slots_used == 0);
}

static void slow_reader(void)
{
	static uint8_t all[TX_MAX + 1];
	size_t cap, got = 0;
	uint8_t *p;
	int fd, small = 1;

	CHECK(port_listen(PORT_SERVE) == 0);
	fd = client();
	say(fd, "x");
	expect(PORT_EVENT_OPEN, 0);
	expect(PORT_EVENT_DATA, 0);
	CHECK(setsockopt(slots[0].tx_fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)) == 0);
	p = port_tx(0, &cap);
	for (size_t i = 0; i < cap; i++) {
		p[i] = (uint8_t)(i / 5);
	}
	port_tx_send(0, cap);
	CHECK(slots[0].tx_at > 0 && slots[0].tx_at < cap);
	expect_nothing(30);
	while (got < cap) {
		struct port_event e;
		ssize_t n = read(fd, all + got, sizeof(all) - got);
		int r;

		CHECK(n > 0);
		got += (size_t)n;
		r = wait_ms(&e, 1, 20);
		CHECK(r == 0 || (r == 1 && e.kind == PORT_EVENT_SENT));
		if (r == 1) {
			port_close(0, 0);
		}
	}
	for (size_t i = 0; i < cap; i++) {
		CHECK(all[i] == (uint8_t)(i / 5));
	}
	CHECK(read(fd, all, 1) == 0 && slots_used == 0);
}

/* A refused client that goes on sending reads its reply and then the end, not a reset. */
static void lingers(void)
{
	static char flood[40000];
	int fd;
	uint64_t start;

	CHECK(port_listen(PORT_SERVE) == 0);
	fd = client();
	CHECK(write(fd, flood, sizeof(flood)) == sizeof(flood));
	expect(PORT_EVENT_OPEN, 0);
	expect(PORT_EVENT_DATA, 0);
	reply(0, "too long");
	expect(PORT_EVENT_SENT, 0);
	port_close(0, 20000);
	CHECK(write(fd, flood, sizeof(flood)) == sizeof(flood));
	expect_nothing(20);
	CHECK(write(fd, flood, sizeof(flood)) == sizeof(flood));
	hear(fd, "too long");
	hear(fd, "");
	CHECK(slots_used == 1);
	CHECK(close(fd) == 0);
	expect_nothing(20);
	CHECK(slots_used == 0);

	/* ... and one that stays lingers until the deadline, without events */
	fd = client();
	expect(PORT_EVENT_OPEN, 0);
	start = port_now_ms();
	port_close(0, 300);
	while (slots_used == 1) {
		CHECK(port_now_ms() - start < 20000);
		expect_nothing(20);
	}
	CHECK(port_now_ms() - start >= 300);

	/* without lingering, what has arrived is read away */
	fd = client();
	CHECK(write(fd, flood, sizeof(flood)) == sizeof(flood));
	expect(PORT_EVENT_OPEN, 0);
	expect(PORT_EVENT_DATA, 0);
	reply(0, "no");
	expect(PORT_EVENT_SENT, 0);
	port_close(0, 0);
	hear(fd, "no");
	hear(fd, "");
}

/* Lingering slots are in use; when one ends, the next client gets it. */
static void linger_frees(void)
{
	struct port_event e[64];
	int late;

	CHECK(port_listen(PORT_SERVE) == 0);
	for (unsigned i = 0; i < CONN_MAX; i++) {
		CHECK(client() >= 0);
	}
	CHECK(wait_ms(e, 64, 100) == CONN_MAX);
	for (unsigned i = 0; i < CONN_MAX; i++) {
		port_close(i, 50);
	}
	late = client();
	CHECK(late >= 0);
	expect(PORT_EVENT_OPEN, 0);
}

static void wipes(void)
{
	static char much[RX_MAX];
	const uint8_t *in;
	uint8_t *out;
	size_t n;
	int fd;

	CHECK(port_listen(PORT_SERVE) == 0);
	memset(much, 's', sizeof(much));
	fd = client();
	CHECK(write(fd, much, sizeof(much)) == sizeof(much));
	expect(PORT_EVENT_OPEN, 0);
	expect(PORT_EVENT_DATA, 0);
	CHECK(!port_rx(0, &in, &n) && n == RX_MAX);
	port_rx_ack(0, RX_MAX - 3);
	port_rx_arm(0); /* moves the rest to the front */
	out = port_tx(0, &n);
	memset(out, 's', TX_MAX); /* never sent */
	port_close(0, 0);
	for (size_t i = 0; i < RX_MAX; i++) {
		CHECK(in[i] == 0);
	}
	for (size_t i = 0; i < TX_MAX; i++) {
		CHECK(out[i] == 0);
	}
}

/* Pending events of one client do not keep others waiting for ever. */
static void polls_now_and_then(void)
{
	bool seen = false;
	int fd;

	CHECK(port_listen(PORT_SERVE) == 0);
	fd = client();
	say(fd, "x");
	expect(PORT_EVENT_OPEN, 0);
	expect(PORT_EVENT_DATA, 0);
	(void)client();
	for (unsigned i = 0; i < 20 && !seen; i++) {
		struct port_event e[2];
		int n;

		reply(0, ".");
		n = wait_ms(e, 2, 100);
		CHECK(n >= 1 && e[0].kind == PORT_EVENT_SENT && e[0].conn == 0);
		seen = n == 2 && e[1].kind == PORT_EVENT_OPEN && e[1].conn == 1;
	}
	CHECK(seen);
}

#define ALL_TESTS(X)    \
	X(answers)      \
	X(splits)       \
	X(moves_up)     \
	X(half_closes)  \
	X(resets)       \
	X(slow_reader)  \
	X(lingers)      \
	X(linger_frees) \
	X(wipes)        \
	X(polls_now_and_then)

RUN(ALL_TESTS)
