#include <assert.h>
#include <string.h>

#include "slot.h"

bool port_rx(unsigned conn, const uint8_t **p, size_t *n)
{
	const struct slot *s = &slots[conn];

	*p = slot_rx[conn] + s->rx_from;
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
		memmove(slot_rx[conn], slot_rx[conn] + s->rx_from, n);
		s->rx_from = 0;
		s->rx_to = n;
	}
	if (!slot_receive(conn)) {
		s->gone = true;
		slot_report(conn, PORT_EVENT_CLOSED);
	}
}

uint8_t *port_tx(unsigned conn, size_t *cap)
{
	slots[conn].tx_lent = true;
	*cap = TX_MAX;
	return slot_tx[conn];
}

/* In one piece, so that a client that reads messages gets it as one. */
void port_tx_send(unsigned conn, size_t n)
{
	struct slot *s = &slots[conn];

	assert(s->state == SLOT_IDLE && !s->event_due && n <= TX_MAX);
	s->tx_lent = false;
	s->tx_high = n;
	s->replied = true;
	if (!slot_transmit(conn, n)) {
		slot_report(conn, PORT_EVENT_CLOSED);
	} else if (!s->stdio) {
		s->eof = true; /* from here on its bytes are not kept */
		(void)slot_drain(conn);
	}
}

/*
 * The client's end is not closed apart from ours, and what it has not read is
 * lost when it is disconnected. So there is nothing to linger for where a
 * reply that was sent has been read, and else there always is.
 */
void port_close(unsigned conn, uint32_t linger_ms)
{
	struct slot *s = &slots[conn];
	bool idle = s->state == SLOT_IDLE;

	assert(idle || s->state == SLOT_RX || s->state == SLOT_TX);
	s->open_due = false;
	s->event_due = false;
	slots_due &= ~(UINT32_C(1) << conn);
	if (s->stdio) {
		slot_wipe(conn);
		memset(s, 0, sizeof(*s));
		return;
	}
	if (idle && s->replied && !s->gone && !slots_sent_is_read && slot_drain(conn)) {
		s->until = port_now_ms() + (linger_ms > LINGER_MS ? linger_ms : LINGER_MS);
		s->state = SLOT_LINGER;
		return;
	}
	slot_disconnect(conn);
}
