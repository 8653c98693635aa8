#include "common/buffer.h"

#include <assert.h>
#include <stdalign.h>
#include <string.h>

#include "base/wipe.h"
#include "port.h"

alignas(BUFFER_PAGE) uint8_t buffer_rx[CONN_MAX][BUFFER_PAGES(RX_MAX)];
alignas(BUFFER_PAGE) uint8_t buffer_tx[CONN_MAX][BUFFER_PAGES(TX_MAX)];

struct buffer buffers[CONN_MAX];

void buffer_arm(unsigned conn)
{
	struct buffer *b = &buffers[conn];
	size_t n = b->rx_to - b->rx_from;

	assert(!b->eof && n < RX_MAX);
	if (b->rx_from > 0) {
		memmove(buffer_rx[conn], buffer_rx[conn] + b->rx_from, n);
		b->rx_from = 0;
		b->rx_to = n;
	}
}

void buffer_received(unsigned conn, size_t n)
{
	struct buffer *b = &buffers[conn];

	b->eof = n == 0;
	b->rx_to += n;
	if (b->rx_high < b->rx_to) {
		b->rx_high = b->rx_to;
	}
}

void buffer_send(unsigned conn, size_t n)
{
	assert(n <= TX_MAX);
	buffers[conn].tx_lent = false;
	buffers[conn].tx_high = n;
}

void buffer_sent(unsigned conn)
{
	wipe(buffer_tx[conn], buffers[conn].tx_high);
	buffers[conn].tx_high = 0;
}

void buffer_clear(unsigned conn)
{
	struct buffer *b = &buffers[conn];

	wipe(buffer_rx[conn], b->rx_high);
	wipe(buffer_tx[conn], b->tx_lent ? TX_MAX : b->tx_high);
	memset(b, 0, sizeof(*b));
}

bool port_rx(unsigned conn, const uint8_t **p, size_t *n)
{
	const struct buffer *b = &buffers[conn];

	*p = buffer_rx[conn] + b->rx_from;
	*n = b->rx_to - b->rx_from;
	return b->eof;
}

void port_rx_ack(unsigned conn, size_t n)
{
	struct buffer *b = &buffers[conn];

	assert(n <= b->rx_to - b->rx_from);
	b->rx_from += n;
}

uint8_t *port_tx(unsigned conn, size_t *cap)
{
	buffers[conn].tx_lent = true;
	*cap = TX_MAX;
	return buffer_tx[conn];
}
