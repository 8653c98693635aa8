#include <assert.h>
#include <string.h>

#include "common/buffer.h"
#include "common/pending_events.h"
#include "slot.h"

/* If fewer instances wait for a client, a refused one is not told why. */
#define FREE_MIN (CONN_MAX / 4)

void port_rx_arm(unsigned conn)
{
	assert(slots[conn].state == SLOT_IDLE);
	buffer_arm(conn);
	if (slot_receive(conn) < 0) {
		slots[conn].gone = true;
		slot_report(conn, PORT_EVENT_CLOSED);
	}
}

/* In one write, so that a client that reads messages gets the reply as one. */
void port_tx_send(unsigned conn, size_t n)
{
	struct slot *s = &slots[conn];

	assert(s->state == SLOT_IDLE);
	buffer_send(conn, n);
	s->replied = true;
	if (slot_transmit(conn, n) < 0) {
		slot_report(conn, PORT_EVENT_CLOSED);
	} else if (!s->stdio) {
		buffers[conn].eof = true; /* what it sends from now on is thrown away */
		(void)slot_drain(conn);
	}
}

/*
 * A pipe cannot be closed in one direction only, and disconnecting it loses what
 * the client has not read. So there is no reason to linger if a write ends only
 * when the client has read it, and otherwise there always is.
 */
void port_close(unsigned conn, uint32_t linger_ms)
{
	struct slot *s = &slots[conn];
	bool idle = s->state == SLOT_IDLE;

	assert(idle || s->state == SLOT_RX || s->state == SLOT_TX);
	pending_forget(conn);
	if (s->stdio) {
		buffer_clear(conn);
		memset(s, 0, sizeof(*s));
		return;
	}
	if (idle && s->replied && !s->gone && !slots_sent_is_read && slot_drain(conn) == 0) {
		s->until = port_now_ms() + (linger_ms > LINGER_MS ? linger_ms : LINGER_MS);
		s->state = SLOT_LINGER;
		return;
	}
	slot_disconnect(conn);
}

/*
 * A read is outstanding, and stays so until the client is disconnected. If so many
 * refused clients take their time to read why that there is hardly room for
 * others, this one is not told why.
 */
void port_turn_away(unsigned conn, size_t n)
{
	struct slot *s = &slots[conn];

	pending_forget(conn);
	buffer_send(conn, n);
	buffers[conn].rx_high = RX_MAX;
	s->state = SLOT_LINGER;
	s->until = port_now_ms() + TURN_AWAY_MS;
	if (s->gone || slots_free() < FREE_MIN || slot_send_refusal(conn, n) < 0) {
		slot_disconnect(conn);
	}
}
