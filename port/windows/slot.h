/*
 * The connections: a pipe instance each, and what is to be done next on it.
 */
#ifndef WINDOWS_SLOT_H
#define WINDOWS_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <windows.h>

#include "bounds.h"
#include "port.h"

enum slot_state {
	SLOT_CLOSED, /* without an instance */
	SLOT_LISTEN, /* waits for a client */
	SLOT_REST, /* cannot wait for one at present */
	SLOT_IDLE, /* it is the core's turn */
	SLOT_RX, /* waits for input */
	SLOT_TX, /* waits until the client has read the reply */
	SLOT_LINGER, /* closed by the core; reads away what the client still sends */
	SLOT_CLEAR, /* disconnected; waits for what was outstanding to end */
};

struct slot {
	OVERLAPPED io; /* connect, read or write: one at a time */
	OVERLAPPED drain; /* what the client sends while it is not its turn */
	bool io_pending; /* the system has it, and what it was given */
	bool drain_pending;
	uint8_t state; /* enum slot_state */
	bool stdio; /* standard input and output: no pipe, not ours to close */
	bool gone; /* it has closed its end */
	bool heard; /* something of what it sent has been read */
	BYTE owner[SECURITY_MAX_SID_SIZE]; /* since port_admit was asked; zeros: unknown */
	bool admitted; /* and it said yes */
	bool replied; /* something was sent to it */
	uint8_t empty; /* messages of no bytes, one after the other */
	HANDLE pipe;
	uint64_t until; /* port_now_ms(): SLOT_LINGER, SLOT_REST */
};

extern struct slot slots[CONN_MAX];
/* A write ends when the client has read it; else, when the system has it. */
extern bool slots_sent_is_read;

/* ---- for port_listen and port_wait ------------------------------------- */

/*
 * A pipe instance, connected to wait_port with `conn` as the key, becomes the
 * slot's, and waits for a client.
 */
void slot_listen(unsigned conn, HANDLE pipe);
/* Closes the instances without a client, and the others after their last. */
void slots_unlisten(void);
/* Standard input and output become slot 0. */
void slot_open_stdio(void);
/* This operation of the slot's has ended: goes on from there. */
void slot_go_on(unsigned conn, const OVERLAPPED *done);
/* Goes on with those whose time to linger or to rest is over at `now`. */
void slots_expire(uint64_t now);
/* The first time at which that is so; PORT_NEVER if none waits for it. */
uint64_t slots_deadline(void);

/* ---- for the contract's functions (conn.c) ----------------------------- */

/*
 * Begin to read what there is room for, to write the first n bytes of
 * buffer_tx, and to read away what the client sends while it is not its turn.
 * -ERR_IO: it cannot be done, the client is gone.
 */
int slot_receive(unsigned conn);
int slot_transmit(unsigned conn, size_t n);
int slot_drain(unsigned conn);
/* Begins to write that much without a look at what else is under way. */
int slot_tell(unsigned conn, size_t n);
/* How many instances wait for a client. */
unsigned slots_free(void);
/* It is the core's turn, with this event. */
void slot_report(unsigned conn, enum port_event_kind event);
/* Drops the client, in whatever state; the slot then waits for the next. */
void slot_disconnect(unsigned conn);

#endif
