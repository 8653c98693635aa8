#include <string.h>

#include "async_stdio.h"
#include "base/wipe.h"
#include "common/buffer.h"
#include "err.h"
#include "slot.h"

/* What slot_drain reads, in all slots. */
static uint8_t drained[BUFFER_PAGE];

/*
 * Was the operation begun? Then its end arrives at wait_port, even if it has
 * ended already. If not, GetLastError() has the reason.
 */
static bool begun(BOOL ok)
{
	DWORD e = ok ? 0 : GetLastError();

	return e == 0 || e == ERROR_IO_PENDING || e == ERROR_MORE_DATA;
}

static bool begin_read(unsigned conn, OVERLAPPED *of, void *p, size_t n)
{
	memset(of, 0, sizeof(*of));
	return begun(ReadFile(slots[conn].pipe, p, (DWORD)n, NULL, of));
}

static bool begin_write(unsigned conn, OVERLAPPED *of, size_t n)
{
	memset(of, 0, sizeof(*of));
	return begun(WriteFile(slots[conn].pipe, buffer_tx[conn], (DWORD)n, NULL, of));
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
		s->io_pending = begin_read(conn, &s->io, p, n);
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
		s->io_pending = begin_write(conn, &s->io, n);
	}
	s->state = SLOT_TX;
	return s->io_pending ? 0 : -ERR_IO;
}

/*
 * A client that is stuck in a long write never gets to read its reply. So from
 * the reply on, what it sends is read and thrown away.
 */
int slot_drain(unsigned conn)
{
	struct slot *s = &slots[conn];

	if (!s->drain_pending) {
		s->drain_pending = begin_read(conn, &s->drain, drained, sizeof(drained));
	}
	return s->drain_pending ? 0 : -ERR_IO;
}

int slot_send_refusal(unsigned conn, size_t n)
{
	struct slot *s = &slots[conn];

	s->drain_pending = begin_write(conn, &s->drain, n);
	return s->drain_pending ? 0 : -ERR_IO;
}

static DWORD result(struct slot *s, const OVERLAPPED *ended)
{
	DWORD e;

	if (s->stdio) {
		return async_stdio_result(&s->moved);
	}
	if (GetOverlappedResult(s->pipe, (OVERLAPPED *)(uintptr_t)ended, &s->moved, FALSE)) {
		return 0;
	}
	e = GetLastError();
	return e == ERROR_MORE_DATA ? 0 : e;
}

DWORD slot_result(unsigned conn, const OVERLAPPED *ended)
{
	struct slot *s = &slots[conn];
	DWORD error;

	s->moved = 0;
	error = result(s, ended);
	if (ended == &s->io) {
		s->io_pending = false;
	} else {
		s->drain_pending = false;
		/* A refusal that was sent may be longer; it was never in there. */
		wipe(drained, s->moved < sizeof(drained) ? s->moved : sizeof(drained));
	}
	return error;
}
