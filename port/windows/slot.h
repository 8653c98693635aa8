/*
 * The connections: each slot has one instance of the pipe, and a state that
 * says what is to be done when something ends (slot.c's table).
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
	SLOT_CLOSED, /* has no instance */
	SLOT_LISTEN, /* waits for a client */
	SLOT_PAUSE, /* waiting for a client failed; it is tried again later */
	SLOT_IDLE, /* the core is to act next */
	SLOT_RX, /* waits for input */
	SLOT_TX, /* waits until the client has read the reply */
	SLOT_LINGER, /* closed by the core; reads away what the client still sends */
	SLOT_CANCEL, /* disconnected; waits until all that was outstanding has ended */
};

struct slot {
	OVERLAPPED io; /* connect, read or write: one at a time */
	OVERLAPPED drain; /* reads away what the client sends while it should only read */
	bool io_pending; /* the system still uses io and its buffer */
	bool drain_pending;
	uint8_t state; /* enum slot_state */
	bool stdio; /* standard input and output: there is no pipe, nothing to close */
	bool gone; /* the client has closed its end */
	bool heard; /* something that it sent has been read */
	BYTE owner[SECURITY_MAX_SID_SIZE]; /* since port_admit was asked; zeros: unknown */
	bool admitted; /* port_admit let it in */
	bool replied; /* something was sent to it */
	uint8_t empty; /* messages of no bytes, one after the other */
	DWORD moved; /* bytes of the operation that ended last */
	HANDLE pipe;
	uint64_t until; /* port_now_ms(): the end of SLOT_LINGER or SLOT_PAUSE */
};

extern struct slot slots[CONN_MAX];
/* Does a write end only when the client has read it, not when the system has it? */
extern bool slots_sent_is_read;

/* ---- for port_listen and port_wait ------------------------------------- */

/*
 * The slot gets a pipe instance, which is connected to wait_port with `conn` as
 * the key, and waits for a client.
 */
void slot_listen(unsigned conn, HANDLE pipe);
/* Closes the instances that have no client; the others follow after theirs. */
void slots_unlisten(void);
/* Standard input and output become slot 0. */
void slot_open_stdio(void);
/* This operation of the slot has ended: does what comes next. */
void slot_go_on(unsigned conn, const OVERLAPPED *ended);
/* Does what comes next in the slots whose time is over at `now`. */
void slots_expire(uint64_t now);
/* The first time at which one's is over; PORT_NEVER if none waits for a time. */
uint64_t slots_deadline(void);

/* ---- for the contract's functions (connection.c) ------------------------ */

/* How many instances wait for a client. */
unsigned slots_free(void);
/* The core is to act next: it gets this event. */
void slot_report(unsigned conn, enum port_event_kind event);
/* Drops the client, in whatever state; the slot then waits for the next one. */
void slot_disconnect(unsigned conn);

/* ---- operations (slot_io.c): each begins one, whose end slot_go_on sees -- */

/*
 * To read as much as there is room for; to write the first n bytes of
 * buffer_tx; to read away what the client sends while it should only read.
 * -ERR_IO: that cannot be done, the client is gone.
 */
int slot_receive(unsigned conn);
int slot_transmit(unsigned conn, size_t n);
int slot_drain(unsigned conn);
/* To write as well, but by `drain`, since a read has `io`; the state stays. */
int slot_send_refusal(unsigned conn, size_t n);
/* How one ended: 0 and `moved`, or the system's error. */
DWORD slot_result(unsigned conn, const OVERLAPPED *ended);

#endif
