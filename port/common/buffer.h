/*
 * The bytes of each connection: what has arrived, and the reply. port_rx,
 * port_rx_ack and port_tx are defined here, since they are the same everywhere.
 */
#ifndef COMMON_BUFFER_H
#define COMMON_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounds.h"

/* Whole pages, so that a small request and a small reply touch one page each. */
#define BUFFER_PAGE 4096
#define BUFFER_PAGES(n) (((n) + BUFFER_PAGE - 1) / BUFFER_PAGE * BUFFER_PAGE)
extern uint8_t buffer_rx[CONN_MAX][BUFFER_PAGES(RX_MAX)];
extern uint8_t buffer_tx[CONN_MAX][BUFFER_PAGES(TX_MAX)];

struct buffer {
	bool eof; /* the peer sends no more, or what it sends is thrown away */
	bool tx_lent; /* port_tx gave the buffer out; nothing is sent yet */
	size_t rx_from, rx_to; /* received and not consumed */
	size_t rx_high; /* the end of all that was received, which is to be wiped */
	size_t tx_high; /* the end of all that was sent */
};
extern struct buffer buffers[CONN_MAX];

/* For port_rx_arm: moves the unconsumed bytes to the front. */
void buffer_arm(unsigned conn);
/* n bytes have arrived at buffer_rx[conn] + rx_to; 0: there will be no more. */
void buffer_received(unsigned conn, size_t n);
/* For port_tx_send; and when all is sent, to wipe it: it may hold a secret. */
void buffer_send(unsigned conn, size_t n);
void buffer_sent(unsigned conn);
/* Wipes what was used, before the next client comes. */
void buffer_clear(unsigned conn);

#endif
