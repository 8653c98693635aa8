#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/pending_events.h"
#include "log.h"
#include "slot.h"

static_assert(CONN_MAX <= 32, "a bit for each slot");

/* How much is read away at once, so that a flooding client does not hold up others. */
#define DRAIN_SIZE 4096
#define DRAIN_COUNT 16

struct slot slots[CONN_MAX];
uint32_t slots_used;

static uint32_t bit(unsigned conn)
{
	return UINT32_C(1) << conn;
}

static void slot_report(unsigned conn, enum port_event_kind event)
{
	slots[conn].state = SLOT_IDLE;
	pending_event(conn, event);
}

/*
 * Standard input and output are not made non-blocking, because they may be
 * shared, for example with a shell. They are read and written only when poll
 * says that this does not block; a pipe then takes PIPE_BUF bytes. Sockets do
 * not block, and SIGPIPE is blocked, so that nothing needs the flags of recv and
 * send, which the sandbox does not allow.
 */
static ssize_t get(const struct slot *s, void *p, size_t n)
{
	return read(s->rx_fd, p, n);
}

static ssize_t put(const struct slot *s, const void *p, size_t n)
{
	return write(s->tx_fd, p, s->stdio && n > PIPE_BUF ? PIPE_BUF : n);
}

static bool is_temporary(int e)
{
	return e == EAGAIN || e == EINTR;
}

/* A client that is gone needs no log line; whoever called `attestd once` gets one. */
static void broken(unsigned conn, const char *what)
{
	if (slots[conn].stdio) {
		log_reason(PORT_LOG_ERROR, what, NULL, errno);
	}
	slot_report(conn, PORT_EVENT_CLOSED);
}

static void receive(unsigned conn)
{
	const struct slot *s = &slots[conn];
	size_t at = buffers[conn].rx_to;
	ssize_t r = get(s, buffer_rx[conn] + at, RX_MAX - at);

	if (r < 0) {
		if (!is_temporary(errno)) {
			broken(conn, "cannot read standard input");
		}
		return;
	}
	buffer_received(conn, (size_t)r);
	slot_report(conn, PORT_EVENT_DATA);
}

void slot_transmit(unsigned conn)
{
	struct slot *s = &slots[conn];

	while (s->tx_at < s->tx_to) {
		ssize_t r = put(s, buffer_tx[conn] + s->tx_at, s->tx_to - s->tx_at);

		if (r < 0) {
			if (!is_temporary(errno)) {
				broken(conn, "cannot write to standard output");
			}
			return;
		}
		s->tx_at += (size_t)r;
		if (s->stdio && s->tx_at < s->tx_to) {
			return; /* the next part may block: poll says when it does not */
		}
	}
	buffer_sent(conn);
	slot_report(conn, PORT_EVENT_SENT);
}

void slot_release(unsigned conn)
{
	struct slot *s = &slots[conn];

	if (!s->stdio) {
		(void)close(s->rx_fd);
	}
	buffer_clear(conn);
	memset(s, 0, sizeof(*s));
	slots_used &= ~bit(conn);
}

bool slot_drain(unsigned conn)
{
	const struct slot *s = &slots[conn];

	for (unsigned i = 0; i < DRAIN_COUNT; i++) {
		ssize_t r = get(s, buffer_rx[conn], DRAIN_SIZE);

		if (r <= 0) {
			return r == 0 || !is_temporary(errno);
		}
		if (buffers[conn].rx_high < (size_t)r) {
			buffers[conn].rx_high = (size_t)r;
		}
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

static void open_client(unsigned conn, int rx_fd, int tx_fd)
{
	slots_used |= bit(conn);
	slots[conn].rx_fd = rx_fd;
	slots[conn].tx_fd = tx_fd;
	slots[conn].state = SLOT_RX;
	pending_open(conn);
}

void slot_open(unsigned conn, int fd)
{
	open_client(conn, fd, fd);
	receive(conn);
}

void slot_open_stdio(void)
{
	open_client(0, STDIN_FILENO, STDOUT_FILENO);
	slots[0].stdio = true;
}

void slot_go_on(unsigned conn)
{
	switch ((enum slot_state)slots[conn].state) {
	case SLOT_RX:
		receive(conn);
		break;
	case SLOT_TX:
		slot_transmit(conn);
		break;
	case SLOT_LINGER:
		if (slot_drain(conn)) {
			slot_release(conn);
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
		if (slots[i].state == SLOT_LINGER && slots[i].until <= now) {
			slot_release(i);
		}
	}
}

uint64_t slots_deadline(void)
{
	uint64_t first = PORT_NEVER;

	for (unsigned i = 0; i < CONN_MAX && slots_used >> i != 0; i++) {
		if (slots[i].state == SLOT_LINGER && slots[i].until < first) {
			first = slots[i].until;
		}
	}
	return first;
}
