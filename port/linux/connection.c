#include <assert.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/pending_events.h"
#include "slot.h"

void port_rx_arm(unsigned conn)
{
	assert(slots[conn].state == SLOT_IDLE);
	buffer_arm(conn);
	slots[conn].state = SLOT_RX;
}

void port_tx_send(unsigned conn, size_t n)
{
	struct slot *s = &slots[conn];

	assert(s->state == SLOT_IDLE);
	buffer_send(conn, n);
	s->tx_at = 0;
	s->tx_to = n;
	s->state = SLOT_TX;
	if (!s->stdio) {
		slot_transmit(conn);
	}
}

void port_close(unsigned conn, uint32_t linger_ms)
{
	struct slot *s = &slots[conn];

	assert(s->state != SLOT_FREE && s->state != SLOT_LINGER);
	pending_forget(conn);
	if (!s->stdio) {
		if (linger_ms > 0) {
			(void)shutdown(s->tx_fd, SHUT_WR);
		}
		/* If there were unread input at close, the peer would get
		 * ECONNRESET, perhaps in place of its reply. */
		if (!buffers[conn].eof && !slot_drain(conn) && linger_ms > 0) {
			s->until = port_now_ms() + linger_ms;
			s->state = SLOT_LINGER;
			return;
		}
	}
	slot_release(conn);
}

void port_turn_away(unsigned conn, size_t n)
{
	ssize_t written;

	buffer_send(conn, n);
	/* A new connection has room for it; if the client is gone, it is not needed. */
	written = write(slots[conn].tx_fd, buffer_tx[conn], n);
	(void)written;
	/* From now on the client cannot send, so that nothing is left unread. */
	(void)shutdown(slots[conn].tx_fd, SHUT_RDWR);
	port_close(conn, 0);
}
