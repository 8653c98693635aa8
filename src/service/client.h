/*
 * The clients: what each of them is about, and whose turn it is.
 */
#ifndef SERVICE_CLIENT_H
#define SERVICE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "bounds.h"
#include "service/dispatch.h"

/* In place of a client's number. */
#define NOBODY CONN_MAX

struct client {
	enum {
		FREE,
		READING, /* its line is not whole yet */
		WAITING, /* for the TPM, in order of arrival */
		WORKING, /* the TPM is at work for it */
		SENDING, /* the reply is on its way */
	} state;
	uint64_t deadline; /* READING, SENDING */
	uint64_t arrival; /* WAITING: its place */
	size_t taken; /* bytes of port_rx that the request used up */
	bool skipping; /* the rest of a line that was too long (once) */
	bool last; /* no line end: nothing that follows is a request */
	const struct command *command; /* WAITING, WORKING */
	struct request_params params; /* WAITING, WORKING: what it works on */
};

/* By their slots' numbers. */
extern struct client clients[CONN_MAX];

/* Is there any? */
bool clients_any(void);
/* Who of those WAITING came first, at `from` or later? */
unsigned clients_next_waiting(uint64_t from);
/* All have so much more time. */
void clients_defer(uint64_t ms);

#endif
