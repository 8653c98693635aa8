#include <errno.h>
#include <limits.h>
#include <stdalign.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "common/line.h"
#include "slot.h"

static_assert(CONN_MAX <= 32, "a bit for each slot");

/*
 * What is read away at once: a flooder gets this much and then waits its
 * turn.
 */
#define DRAIN_SIZE 4096
#define DRAIN_COUNT 16

/* Page by page, so that a small request and a small reply touch one each. */
#define PAGE 4096
#define IN_PAGES(n) (((n) + PAGE - 1) / PAGE * PAGE)

static alignas(PAGE) uint8_t rx[CONN_MAX][IN_PAGES(RX_MAX)];
static alignas(PAGE) uint8_t tx[CONN_MAX][IN_PAGES(TX_MAX)];

struct slot slots[CONN_MAX];
uint32_t slots_used;
uint32_t slots_due;

static uint32_t bit(unsigned conn)
{
	return UINT32_C(1) << conn;
}

static size_t max(size_t a, size_t b)
{
	return a > b ? a : b;
}

static void report(unsigned conn, enum port_event_kind event)
{
	slots[conn].state = SLOT_IDLE;
	slots[conn].event = (uint8_t)event;
	slots[conn].event_due = true;
	slots_due |= bit(conn);
}

/*
 * Standard input and output are not made non-blocking: they may be shared,
 * with a shell for one. They are read and written only when poll says that
 * this does not block, and pipes take PIPE_BUF bytes then.
 */
static ssize_t get(const struct slot *s, void *p, size_t n)
{
	return s->stdio ? read(s->rx_fd, p, n) : recv(s->rx_fd, p, n, MSG_DONTWAIT);
}

static ssize_t put(const struct slot *s, const void *p, size_t n)
{
	if (s->stdio) {
		return write(s->tx_fd, p, n < PIPE_BUF ? n : PIPE_BUF);
	}
	return send(s->tx_fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool is_passing(int e)
{
	return e == EAGAIN || e == EINTR;
}

static void receive(unsigned conn)
{
	struct slot *s = &slots[conn];
	ssize_t r = get(s, rx[conn] + s->rx_to, RX_MAX - s->rx_to);

	if (r < 0) {
		if (!is_passing(errno)) {
			report(conn, PORT_EVENT_CLOSED);
		}
		return;
	}
	s->eof = r == 0;
	s->rx_to += (size_t)r;
	s->rx_high = max(s->rx_high, s->rx_to);
	report(conn, PORT_EVENT_DATA);
}

static void transmit(unsigned conn)
{
	struct slot *s = &slots[conn];

	while (s->tx_at < s->tx_to) {
		ssize_t r = put(s, tx[conn] + s->tx_at, s->tx_to - s->tx_at);

		if (r < 0) {
			if (!is_passing(errno)) {
				report(conn, PORT_EVENT_CLOSED);
			}
			return;
		}
		s->tx_at += (size_t)r;
		if (s->stdio && s->tx_at < s->tx_to) {
			return; /* poll first */
		}
	}
	explicit_bzero(tx[conn], s->tx_to); /* it may have been a secret */
	s->tx_high = 0;
	report(conn, PORT_EVENT_SENT);
}

static void release(unsigned conn)
{
	struct slot *s = &slots[conn];

	if (!s->stdio) {
		(void)close(s->rx_fd);
	}
	explicit_bzero(rx[conn], s->rx_high);
	explicit_bzero(tx[conn], s->tx_lent ? TX_MAX : s->tx_high);
	memset(s, 0, sizeof(*s));
	slots_used &= ~bit(conn);
}

/* Reads away what is there. True if that was the end. */
static bool drain(unsigned conn)
{
	struct slot *s = &slots[conn];

	for (unsigned i = 0; i < DRAIN_COUNT; i++) {
		ssize_t r = get(s, rx[conn], DRAIN_SIZE);

		if (r <= 0) {
			return r == 0 || !is_passing(errno);
		}
		s->rx_high = max(s->rx_high, (size_t)r);
	}
	return false;
}

/* ---- for port_wait ----------------------------------------------------- */

int slot_find(void)
{
	for (unsigned i = 0; i < CONN_MAX; i++) {
		if ((slots_used & bit(i)) == 0) {
			return (int)i;
		}
	}
	return -1;
}

static void take(unsigned conn, int rx_fd, int tx_fd)
{
	slots_used |= bit(conn);
	slots_due |= bit(conn);
	slots[conn].rx_fd = rx_fd;
	slots[conn].tx_fd = tx_fd;
	slots[conn].open_due = true;
	slots[conn].state = SLOT_RX;
}

void slot_open(unsigned conn, int fd)
{
	take(conn, fd, fd);
	receive(conn);
}

void slot_open_stdio(void)
{
	take(0, STDIN_FILENO, STDOUT_FILENO);
	slots[0].stdio = true;
}

void slot_go_on(unsigned conn)
{
	switch ((enum slot_state)slots[conn].state) {
	case SLOT_RX:
		receive(conn);
		break;
	case SLOT_TX:
		transmit(conn);
		break;
	case SLOT_LINGER:
		if (drain(conn)) {
			release(conn);
		}
		break;
	case SLOT_FREE:
	case SLOT_IDLE:
		break;
	}
}

void slots_expire(uint64_t now)
{
	for (unsigned i = 0; i < CONN_MAX && slots_used >> i != 0; i++) {
		if (slots[i].state == SLOT_LINGER && slots[i].linger_until <= now) {
			release(i);
		}
	}
}

uint64_t slots_deadline(void)
{
	uint64_t first = PORT_NEVER;

	for (unsigned i = 0; i < CONN_MAX && slots_used >> i != 0; i++) {
		if (slots[i].state == SLOT_LINGER && slots[i].linger_until < first) {
			first = slots[i].linger_until;
		}
	}
	return first;
}

/* ---- the contract ------------------------------------------------------ */

bool port_rx(unsigned conn, const uint8_t **p, size_t *n)
{
	const struct slot *s = &slots[conn];

	*p = rx[conn] + s->rx_from;
	*n = s->rx_to - s->rx_from;
	return s->eof;
}

void port_rx_ack(unsigned conn, size_t n)
{
	struct slot *s = &slots[conn];

	assert(n <= s->rx_to - s->rx_from);
	s->rx_from += n;
}

void port_rx_arm(unsigned conn)
{
	struct slot *s = &slots[conn];
	size_t n = s->rx_to - s->rx_from;

	assert(s->state == SLOT_IDLE && !s->event_due && !s->eof && n < RX_MAX);
	if (s->rx_from > 0) {
		memmove(rx[conn], rx[conn] + s->rx_from, n);
		s->rx_from = 0;
		s->rx_to = n;
	}
	s->state = SLOT_RX;
}

uint8_t *port_tx(unsigned conn, size_t *cap)
{
	slots[conn].tx_lent = true;
	*cap = TX_MAX;
	return tx[conn];
}

void port_tx_send(unsigned conn, size_t n)
{
	struct slot *s = &slots[conn];

	assert(s->state == SLOT_IDLE && !s->event_due && n <= TX_MAX);
	s->tx_lent = false;
	s->tx_at = 0;
	s->tx_to = n;
	s->tx_high = max(s->tx_high, n);
	s->state = SLOT_TX;
	if (!s->stdio) {
		transmit(conn);
	}
}

void port_close(unsigned conn, uint32_t linger_ms)
{
	struct slot *s = &slots[conn];

	assert(s->state != SLOT_FREE && s->state != SLOT_LINGER);
	s->open_due = false;
	s->event_due = false;
	slots_due &= ~bit(conn);
	if (!s->stdio) {
		if (linger_ms > 0) {
			(void)shutdown(s->tx_fd, SHUT_WR);
		}
		/* Input left unread at close would reach the peer as
		 * ECONNRESET, on top of its reply. */
		if (!s->eof && !drain(conn) && linger_ms > 0) {
			s->linger_until = port_now_ms() + linger_ms;
			s->state = SLOT_LINGER;
			return;
		}
	}
	release(conn);
}

void port_peer(unsigned conn, struct port_id *id)
{
	struct line l = {id->text, 0, sizeof(id->text)};
	struct ucred who;
	socklen_t n = sizeof(who);

	if (slots[conn].stdio) {
		line_str(&l, "stdin");
	} else if (getsockopt(slots[conn].rx_fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0) {
		line_str(&l, "unknown");
	} else {
		line_str(&l, "pid=");
		line_num(&l, (uint64_t)who.pid, 1);
		line_str(&l, " uid=");
		line_num(&l, who.uid, 1);
		line_str(&l, " gid=");
		line_num(&l, who.gid, 1);
	}
	line_end(&l);
}
