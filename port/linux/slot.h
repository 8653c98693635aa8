/*
 * The connections: each slot has a state, which says what is to be done when
 * poll reports its descriptor.
 */
#ifndef LINUX_SLOT_H
#define LINUX_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "bounds.h"
#include "port.h"

enum slot_state {
	SLOT_FREE,
	SLOT_IDLE, /* the core is to act next */
	SLOT_RX, /* waits for input */
	SLOT_TX, /* waits for room to send the rest */
	SLOT_LINGER, /* closed by the core; reads away what the peer still sends */
};

struct slot {
	uint8_t state; /* enum slot_state */
	bool stdio; /* standard input and output: they may block, and are not closed */
	int rx_fd;
	int tx_fd; /* the same as rx_fd, except for stdio */
	size_t tx_at, tx_to; /* the part of buffer_tx that is still to be sent */
	uint64_t until; /* port_now_ms(): the end of SLOT_LINGER */
	struct ucred peer; /* since port_admit was asked */
	bool admitted; /* port_admit let it in */
};

extern struct slot slots[CONN_MAX];
/* A bit for each slot that is not free. */
extern uint32_t slots_used;

/* The lowest free slot, so that few pages are touched; -1: none is free. */
int slot_find(void);
/* A free slot gets a connected, non-blocking socket, and receives at once. */
void slot_open(unsigned conn, int fd);
/* Standard input and output become slot 0. */
void slot_open_stdio(void);
/* poll has reported this slot's descriptor: does what comes next. */
void slot_go_on(unsigned conn);
/* Frees the slots whose time to linger is over at `now`. */
void slots_expire(uint64_t now);
/* The first time at which one's is over; PORT_NEVER if none lingers. */
uint64_t slots_deadline(void);

/* ---- for the contract's functions (connection.c) ------------------------ */

/* Sends what can be sent at once; reports SENT after the last byte, CLOSED on errors. */
void slot_transmit(unsigned conn);
/* Reads and throws away what has arrived. True: the peer sends no more. */
bool slot_drain(unsigned conn);
/* Closes the connection and wipes its buffers. */
void slot_release(unsigned conn);

#endif
