#include <string.h>

#include "base/wipe.h"
#include "common/buffer.h"
#include "common/pending_events.h"
#include "err.h"
#include "slot.h"
#include "async_stdio.h"

/*
 * A client can send messages without a byte in them, which are no end and no
 * news; after so many in a row it is cut off.
 */
#define EMPTY_MAX 64
/* Clients that come and go so fast that none is there to be connected to. */
#define LISTEN_TRIES 8
/* After listening has failed for want of something, and so would again. */
#define REST_MS 100

/* What is read away, of all slots. */
static uint8_t drained[BUFFER_PAGE];

struct slot slots[CONN_MAX];
bool slots_sent_is_read;

static bool listening;

void slot_report(unsigned conn, enum port_event_kind event)
{
	slots[conn].state = SLOT_IDLE;
	pending_event(conn, event);
}

/* ---- the system's operations ------------------------------------------- */

/*
 * Whether an operation was begun: its end arrives at wait_port then, even if
 * it is reached already. If not, the reason is in GetLastError().
 */
static bool begun(BOOL ok)
{
	DWORD e = ok ? 0 : GetLastError();

	return e == 0 || e == ERROR_IO_PENDING || e == ERROR_MORE_DATA;
}

static bool read_to(unsigned conn, OVERLAPPED *of, void *p, size_t n)
{
	memset(of, 0, sizeof(*of));
	return begun(ReadFile(slots[conn].pipe, p, (DWORD)n, NULL, of));
}

int slot_receive(unsigned conn)
{
	struct slot *s = &slots[conn];
	uint8_t *p = buffer_rx[conn] + buffers[conn].rx_to;
	size_t n = RX_MAX - buffers[conn].rx_to;

	if (s->stdio) {
		async_stdio_read(&s->io, p, (DWORD)n);
		s->io_pending = true;
	} else {
		s->io_pending = read_to(conn, &s->io, p, n);
	}
	s->state = SLOT_RX;
	return s->io_pending ? 0 : -ERR_IO;
}

int slot_transmit(unsigned conn, size_t n)
{
	struct slot *s = &slots[conn];

	if (s->stdio) {
		async_stdio_write(&s->io, buffer_tx[conn], (DWORD)n);
		s->io_pending = true;
	} else {
		memset(&s->io, 0, sizeof(s->io));
		s->io_pending = begun(WriteFile(s->pipe, buffer_tx[conn], (DWORD)n, NULL, &s->io));
	}
	s->state = SLOT_TX;
	return s->io_pending ? 0 : -ERR_IO;
}

/*
 * A client that is stuck in a long write does not get to read. So from the
 * reply on, what it sends is read away.
 */
int slot_drain(unsigned conn)
{
	struct slot *s = &slots[conn];

	if (!s->drain_pending) {
		s->drain_pending = read_to(conn, &s->drain, drained, sizeof(drained));
	}
	return s->drain_pending ? 0 : -ERR_IO;
}

/* Not by s->io, which a read has. What is drained comes behind it. */
int slot_tell(unsigned conn, size_t n)
{
	struct slot *s = &slots[conn];

	memset(&s->drain, 0, sizeof(s->drain));
	s->drain_pending = begun(WriteFile(s->pipe, buffer_tx[conn], (DWORD)n, NULL, &s->drain));
	return s->drain_pending ? 0 : -ERR_IO;
}

/* How an operation ended: 0 and *n bytes, or the system's error. */
static DWORD result(const struct slot *s, const OVERLAPPED *of, DWORD *n)
{
	DWORD e;

	if (s->stdio) {
		return async_stdio_result(n);
	}
	if (GetOverlappedResult(s->pipe, (OVERLAPPED *)(uintptr_t)of, n, FALSE)) {
		return 0;
	}
	e = GetLastError();
	return e == ERROR_MORE_DATA ? 0 : e;
}

/* ---- from client to client --------------------------------------------- */

static void opened(unsigned conn)
{
	pending_open(conn);
	if (slot_receive(conn) < 0) {
		slot_report(conn, PORT_EVENT_CLOSED);
	}
}

/* Nothing is outstanding; slots_expire goes on. */
static void rest(struct slot *s)
{
	s->state = SLOT_REST;
	s->until = port_now_ms() + REST_MS;
}

static void await_client(unsigned conn)
{
	struct slot *s = &slots[conn];

	for (unsigned i = 0; i < LISTEN_TRIES; i++) {
		DWORD e;

		memset(&s->io, 0, sizeof(s->io));
		e = ConnectNamedPipe(s->pipe, &s->io) ? 0 : GetLastError();
		if (e == 0 || e == ERROR_IO_PENDING) {
			s->io_pending = true;
			s->state = SLOT_LISTEN;
			return;
		}
		if (e == ERROR_PIPE_CONNECTED) {
			opened(conn);
			return;
		}
		if (e != ERROR_NO_DATA) {
			break;
		}
		(void)DisconnectNamedPipe(s->pipe); /* it came and went */
	}
	rest(s);
}

static void close_instance(struct slot *s)
{
	(void)CloseHandle(s->pipe);
	s->pipe = NULL;
	s->state = SLOT_CLOSED;
}

/* The client is dealt with and nothing is outstanding. */
static void recycle(unsigned conn)
{
	struct slot *s = &slots[conn];
	HANDLE pipe = s->pipe;

	buffer_clear(conn);
	memset(s, 0, sizeof(*s));
	s->pipe = pipe;
	if (listening) {
		await_client(conn);
	} else {
		close_instance(s);
	}
}

unsigned slots_free(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CONN_MAX; i++) {
		n += slots[i].state == SLOT_LISTEN;
	}
	return n;
}

/* What is outstanding ends by this; the last of it recycles the slot. */
void slot_disconnect(unsigned conn)
{
	struct slot *s = &slots[conn];

	if (s->io_pending && s->state == SLOT_RX) {
		buffers[conn].rx_high = RX_MAX; /* what it brought may come to light later */
	}
	if (s->io_pending || s->drain_pending) {
		(void)CancelIoEx(s->pipe, NULL);
	}
	(void)DisconnectNamedPipe(s->pipe);
	s->state = SLOT_CLEAR;
	if (!s->io_pending && !s->drain_pending) {
		recycle(conn);
	}
}

/* ---- for port_listen and port_wait ------------------------------------- */

void slot_listen(unsigned conn, HANDLE pipe)
{
	listening = true;
	slots[conn].pipe = pipe;
	await_client(conn);
}

void slots_unlisten(void)
{
	listening = false;
	for (unsigned i = 0; i < CONN_MAX; i++) {
		struct slot *s = &slots[i];

		if (s->state == SLOT_LISTEN || s->state == SLOT_REST) {
			(void)CancelIoEx(s->pipe, NULL);
			close_instance(s);
		}
	}
}

void slot_open_stdio(void)
{
	slots[0].stdio = true;
	opened(0);
}

static void received(unsigned conn, DWORD error, DWORD n)
{
	struct slot *s = &slots[conn];
	bool empty = error == 0 && n == 0 && !s->stdio;

	if (empty && ++s->empty < EMPTY_MAX && slot_receive(conn) == 0) {
		return;
	}
	if (empty || error != 0) {
		s->gone = true;
		slot_report(conn, PORT_EVENT_CLOSED);
		return;
	}
	s->empty = 0;
	s->heard = true;
	buffer_received(conn, n);
	slot_report(conn, PORT_EVENT_DATA);
}

static void transmitted(unsigned conn, DWORD error)
{
	if (error != 0) {
		slot_report(conn, PORT_EVENT_CLOSED);
		return;
	}
	buffer_sent(conn);
	slot_report(conn, PORT_EVENT_SENT);
}

static void io_ended(unsigned conn, DWORD error, DWORD n)
{
	switch ((enum slot_state)slots[conn].state) {
	case SLOT_LISTEN:
		if (error == 0) {
			opened(conn);
		} else {
			(void)DisconnectNamedPipe(slots[conn].pipe);
			rest(&slots[conn]);
		}
		break;
	case SLOT_RX:
		received(conn, error, n);
		break;
	case SLOT_TX:
		transmitted(conn, error);
		break;
	case SLOT_CLOSED:
	case SLOT_REST:
	case SLOT_IDLE:
	case SLOT_LINGER:
	case SLOT_CLEAR:
		break;
	}
}

void slot_go_on(unsigned conn, const OVERLAPPED *done)
{
	struct slot *s = &slots[conn];
	DWORD n = 0, error;

	if (s->state == SLOT_CLOSED) {
		return; /* the rest of what slots_unlisten cancelled */
	}
	error = result(s, done, &n);
	if (done == &s->io) {
		s->io_pending = false;
		io_ended(conn, error, n);
	} else {
		s->drain_pending = false;
		s->gone = s->gone || error != 0;
		/* What was told may be longer, and is not here. */
		wipe(drained, n < sizeof(drained) ? n : sizeof(drained));
	}
	if (s->state == SLOT_LINGER && s->gone) {
		slot_disconnect(conn);
	} else if (s->state == SLOT_CLEAR) {
		if (!s->io_pending && !s->drain_pending) {
			recycle(conn);
		}
	} else if (done == &s->drain && !s->gone && slot_drain(conn) < 0) {
		s->gone = true;
	}
}

void slots_expire(uint64_t now)
{
	for (unsigned i = 0; i < CONN_MAX; i++) {
		if (slots[i].state == SLOT_LINGER && slots[i].until <= now) {
			slot_disconnect(i);
		} else if (slots[i].state == SLOT_REST && slots[i].until <= now) {
			await_client(i);
		}
	}
}

uint64_t slots_deadline(void)
{
	uint64_t first = PORT_NEVER;

	for (unsigned i = 0; i < CONN_MAX; i++) {
		const struct slot *s = &slots[i];

		if ((s->state == SLOT_LINGER || s->state == SLOT_REST) && s->until < first) {
			first = s->until;
		}
	}
	return first;
}
