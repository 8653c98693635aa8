/*
 * The clients, by their connection's number: the state of each, its deadline, and who
 * waited longest.
 */
#ifndef SERVICE_CLIENT_H
#define SERVICE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "bounds.h"
#include "service/dispatch.h"
#include "wire/line_framer.h"

/* In place of a client's number: there is none. */
#define NOBODY CONN_MAX

struct client {
	enum client_state {
		CLIENT_FREE,
		CLIENT_READING, /* its request line is not complete yet */
		CLIENT_WAITING, /* for the TPM, in order of arrival */
		CLIENT_WORKING, /* the TPM's job is for this client; one at most */
		CLIENT_SENDING, /* its reply is on the way */
	} state;
	uint64_t deadline; /* READING, SENDING */
	uint64_t arrival; /* WAITING: a lower number is served first */
	struct line_framer framer;
	bool last_line; /* the input ended with the line of this request */
	const struct request_type *type; /* WAITING, WORKING */
	struct request_params params; /* WAITING, WORKING */
};

extern struct client clients[CONN_MAX];

/* `once`: there is one client, number 0, from the start; it has no deadlines. */
void clients_init(bool once);

void client_open(unsigned c, uint64_t now);
/* Queues its request, which is in `type` and `params`, behind those that wait already. */
void client_wait(unsigned c);
/* The facts (FACT_ bits) that its request needs. */
unsigned client_facts(unsigned c);
/* Sends the first n bytes of port_tx, and wipes the request. */
void client_send(unsigned c, size_t n, uint64_t now);
/* Wipes the request and closes, as port_close. A job for this client goes on, for nobody. */
void client_close(unsigned c, uint32_t linger_ms);

bool clients_any(void);
/* Who of those that wait came first, with an arrival of `from` or later? */
unsigned clients_next_waiting(uint64_t from);
/* Whom the TPM works for. */
unsigned clients_working(void);

/* Adds so many milliseconds to all deadlines. */
void clients_defer(uint64_t ms);
/*
 * Closes those whose deadline is reached and, if `stopping`, those that have not
 * completed a request. Returns the next deadline, or PORT_NEVER.
 */
uint64_t clients_expire(uint64_t now, bool stopping);

#endif
