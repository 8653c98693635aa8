#include <string.h>

#include "common/buffer.h"
#include "common/pending_events.h"
#include "slot.h"

/*
 * A client can send messages without a byte in them, which are neither data
 * nor the end; after so many in a row it is cut off.
 */
#define EMPTY_MAX 64
/* How many clients may be gone again before the pipe could be connected to them. */
#define LISTEN_TRIES 8
/* After listening has failed for lack of something, which lasts for a while. */
#define LISTEN_PAUSE_MS 100

struct slot slots[CONN_MAX];
bool slots_sent_is_read;

static bool listening;

void slot_report(unsigned conn, enum port_event_kind event)
{
	slots[conn].state = SLOT_IDLE;
	pending_event(conn, event);
}

/* ---- from client to client --------------------------------------------- */

static void open_client(unsigned conn)
{
	pending_open(conn);
	if (slot_receive(conn) < 0) {
		slot_report(conn, PORT_EVENT_CLOSED);
	}
}

static void pause_listening(unsigned conn)
{
	slots[conn].state = SLOT_PAUSE;
	slots[conn].until = port_now_ms() + LISTEN_PAUSE_MS;
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
			open_client(conn);
			return;
		}
		if (e != ERROR_NO_DATA) {
			break;
		}
		(void)DisconnectNamedPipe(s->pipe); /* it came and went */
	}
	pause_listening(conn);
}

static void connect_failed(unsigned conn)
{
	(void)DisconnectNamedPipe(slots[conn].pipe);
	pause_listening(conn);
}

static void close_instance(struct slot *s)
{
	(void)CloseHandle(s->pipe);
	s->pipe = NULL;
	s->state = SLOT_CLOSED;
}

/* Frees the slot for the next client, once nothing is outstanding any more. */
static void recycle(unsigned conn)
{
	struct slot *s = &slots[conn];
	HANDLE pipe = s->pipe;

	if (s->io_pending || s->drain_pending) {
		return;
	}
	buffer_clear(conn);
	memset(s, 0, sizeof(*s));
	s->pipe = pipe;
	if (listening) {
		await_client(conn);
	} else {
		close_instance(s);
	}
}

void slot_disconnect(unsigned conn)
{
	struct slot *s = &slots[conn];

	if (s->io_pending && s->state == SLOT_RX) {
		buffers[conn].rx_high = RX_MAX; /* the read may still put something there */
	}
	if (s->io_pending || s->drain_pending) {
		(void)CancelIoEx(s->pipe, NULL);
	}
	(void)DisconnectNamedPipe(s->pipe);
	s->state = SLOT_CANCEL;
	recycle(conn);
}

/* ---- what has ended ---------------------------------------------------- */

static void read_failed(unsigned conn)
{
	slots[conn].gone = true;
	slot_report(conn, PORT_EVENT_CLOSED);
}

/* Of a pipe, no bytes are an empty message; of standard input, the end. */
static void received(unsigned conn)
{
	struct slot *s = &slots[conn];

	if (s->moved == 0 && !s->stdio) {
		if (++s->empty >= EMPTY_MAX || slot_receive(conn) < 0) {
			read_failed(conn);
		}
		return;
	}
	s->empty = 0;
	s->heard = true;
	buffer_received(conn, s->moved);
	slot_report(conn, PORT_EVENT_DATA);
}

static void transmitted(unsigned conn)
{
	buffer_sent(conn);
	slot_report(conn, PORT_EVENT_SENT);
}

static void write_failed(unsigned conn)
{
	slot_report(conn, PORT_EVENT_CLOSED);
}

static void client_gone(unsigned conn)
{
	slots[conn].gone = true;
}

static void drain_more(unsigned conn)
{
	if (slot_drain(conn) < 0) {
		client_gone(conn);
	}
}

/* The read of a client that was refused; drain_more may have found that it is gone. */
static void disconnect_if_gone(unsigned conn)
{
	if (slots[conn].gone) {
		slot_disconnect(conn);
	}
}

/* ---- the state machine ------------------------------------------------- */

/* What can end in a state: one of the slot's operations, or its time. */
enum ended { IO_DONE, IO_FAILED, DRAIN_DONE, DRAIN_FAILED, TIME_OVER, ENDED_COUNT };

enum action {
	NOTHING,
	OPEN_CLIENT,
	CONNECT_FAILED,
	AWAIT_CLIENT,
	RECEIVED,
	READ_FAILED,
	TRANSMITTED,
	WRITE_FAILED,
	DRAIN_MORE,
	CLIENT_GONE,
	DISCONNECT,
	IF_GONE,
	RECYCLE,
};

/*
 * What is done for each state and each thing that ends in it. The core moves a
 * slot as well (connection.c): out of SLOT_IDLE, and out of SLOT_RX and
 * SLOT_TX when it closes the connection.
 */
static const uint8_t table[][ENDED_COUNT] = {
	/* clang-format off */
	/*               IO_DONE      IO_FAILED       DRAIN_DONE  DRAIN_FAILED   TIME_OVER */
	[SLOT_CLOSED] = {NOTHING,     NOTHING,        NOTHING,    NOTHING,       NOTHING},
	[SLOT_LISTEN] = {OPEN_CLIENT, CONNECT_FAILED, NOTHING,    NOTHING,       NOTHING},
	[SLOT_PAUSE] =  {NOTHING,     NOTHING,        NOTHING,    NOTHING,       AWAIT_CLIENT},
	[SLOT_IDLE] =   {NOTHING,     NOTHING,        DRAIN_MORE, CLIENT_GONE,   NOTHING},
	[SLOT_RX] =     {RECEIVED,    READ_FAILED,    DRAIN_MORE, CLIENT_GONE,   NOTHING},
	[SLOT_TX] =     {TRANSMITTED, WRITE_FAILED,   DRAIN_MORE, CLIENT_GONE,   NOTHING},
	[SLOT_LINGER] = {IF_GONE,     IF_GONE,        DRAIN_MORE, DISCONNECT,    DISCONNECT},
	[SLOT_CANCEL] = {RECYCLE,     RECYCLE,        RECYCLE,    RECYCLE,       NOTHING},
	/* clang-format on */
};

/* The function of each action, and the states in which it leaves the slot. */
static void go_on(unsigned conn, enum ended ended)
{
	switch ((enum action)table[slots[conn].state][ended]) {
		/* clang-format off */
	case NOTHING:        break;
	case OPEN_CLIENT:    open_client(conn); break;     /* RX; IDLE with CLOSED */
	case CONNECT_FAILED: connect_failed(conn); break;  /* PAUSE */
	case AWAIT_CLIENT:   await_client(conn); break;    /* LISTEN, PAUSE; RX; IDLE with CLOSED */
	case RECEIVED:       received(conn); break;        /* IDLE with DATA or CLOSED; RX */
	case READ_FAILED:    read_failed(conn); break;     /* IDLE with CLOSED */
	case TRANSMITTED:    transmitted(conn); break;     /* IDLE with SENT */
	case WRITE_FAILED:   write_failed(conn); break;    /* IDLE with CLOSED */
	case DRAIN_MORE:     drain_more(conn); break;      /* as it was */
	case CLIENT_GONE:    client_gone(conn); break;     /* as it was */
	case DISCONNECT:     slot_disconnect(conn); break; /* CANCEL, or as RECYCLE */
	case IF_GONE:        disconnect_if_gone(conn); break; /* as DISCONNECT; LINGER */
	case RECYCLE:        recycle(conn); break;         /* as AWAIT_CLIENT; CANCEL; CLOSED */
		/* clang-format on */
	}
}

/* ---- for port_listen and port_wait ------------------------------------- */

unsigned slots_free(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CONN_MAX; i++) {
		n += slots[i].state == SLOT_LISTEN;
	}
	return n;
}

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

		if (s->state == SLOT_LISTEN || s->state == SLOT_PAUSE) {
			(void)CancelIoEx(s->pipe, NULL);
			close_instance(s);
		}
	}
}

void slot_open_stdio(void)
{
	slots[0].stdio = true;
	open_client(0);
}

void slot_go_on(unsigned conn, const OVERLAPPED *ended)
{
	bool io = ended == &slots[conn].io;
	enum ended what;

	if (slots[conn].state == SLOT_CLOSED) {
		return; /* slots_unlisten cancelled it, and closed its pipe */
	}
	if (slot_result(conn, ended) == 0) {
		what = io ? IO_DONE : DRAIN_DONE;
	} else {
		what = io ? IO_FAILED : DRAIN_FAILED;
	}
	go_on(conn, what);
}

static bool waits_for_time(const struct slot *s)
{
	return s->state == SLOT_LINGER || s->state == SLOT_PAUSE;
}

void slots_expire(uint64_t now)
{
	for (unsigned i = 0; i < CONN_MAX; i++) {
		if (waits_for_time(&slots[i]) && slots[i].until <= now) {
			go_on(i, TIME_OVER);
		}
	}
}

uint64_t slots_deadline(void)
{
	uint64_t first = PORT_NEVER;

	for (unsigned i = 0; i < CONN_MAX; i++) {
		if (waits_for_time(&slots[i]) && slots[i].until < first) {
			first = slots[i].until;
		}
	}
	return first;
}
