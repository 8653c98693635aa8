/*
 * The connections, and what is to be done next on each.
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
	SLOT_IDLE, /* it is the core's turn */
	SLOT_RX, /* waits for input */
	SLOT_TX, /* waits for room to send the rest */
	SLOT_LINGER, /* closed by the core; reads away what the peer still sends */
};

struct slot {
	uint8_t state; /* enum slot_state */
	bool stdio; /* standard input and output: may block, are not ours to close */
	int rx_fd;
	int tx_fd; /* the same, but for stdio */
	size_t tx_at, tx_to; /* still to be sent */
	uint64_t linger_until; /* port_now_ms() */
	struct ucred peer; /* since port_admit was asked */
	bool admitted; /* and it said yes */
};

extern struct slot slots[CONN_MAX];
/* A bit for each slot that is not free. */
extern uint32_t slots_used;

/* The lowest free slot, so that few pages are ever touched; -1: none. */
int slot_find(void);
/* Makes a free slot of a connected, non-blocking socket; receives at once. */
void slot_open(unsigned conn, int fd);
/* Standard input and output become slot 0. */
void slot_open_stdio(void);
/* What poll was asked for has come: goes on with it. */
void slot_go_on(unsigned conn);
/* Frees the slots that have lingered for long enough at `now`. */
void slots_expire(uint64_t now);
/* The first of their deadlines; PORT_NEVER if none lingers. */
uint64_t slots_deadline(void);

/* ---- for the contract's functions (connection.c) ------------------------ */

/* Sends what can be sent at once, and reports when all is sent, or cannot be. */
void slot_transmit(unsigned conn);
/* Reads away what has arrived. True: the peer sends no more. */
bool slot_drain(unsigned conn);
/* Closes the connection and wipes its buffers. */
void slot_release(unsigned conn);

#endif
