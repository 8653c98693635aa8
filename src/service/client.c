#include "service/client.h"

#include "base/wipe.h"
#include "port.h"

struct client clients[CONN_MAX];

static bool have_deadlines;
static uint64_t arrivals;

static uint64_t deadline_from(uint64_t now)
{
	return have_deadlines ? now + CLIENT_MS : PORT_NEVER;
}

void clients_init(bool once)
{
	have_deadlines = !once;
	if (once) {
		client_open(0, 0); /* port_wait may return before its PORT_EVENT_OPEN */
	}
}

void client_open(unsigned c, uint64_t now)
{
	clients[c].state = CLIENT_READING;
	clients[c].deadline = deadline_from(now);
	clients[c].framer = (struct line_framer){0};
}

void client_wait(unsigned c)
{
	clients[c].state = CLIENT_WAITING;
	clients[c].arrival = arrivals++;
}

unsigned client_facts(unsigned c)
{
	return dispatch_facts(clients[c].type, &clients[c].params);
}

void client_send(unsigned c, size_t n, uint64_t now)
{
	wipe(&clients[c].params, sizeof clients[c].params);
	clients[c].state = CLIENT_SENDING;
	clients[c].deadline = deadline_from(now);
	port_tx_send(c, n);
}

void client_close(unsigned c, uint32_t linger_ms)
{
	wipe(&clients[c].params, sizeof clients[c].params);
	clients[c].state = CLIENT_FREE;
	port_close(c, linger_ms);
}

bool clients_any(void)
{
	for (unsigned c = 0; c < CONN_MAX; c++) {
		if (clients[c].state != CLIENT_FREE) {
			return true;
		}
	}
	return false;
}

unsigned clients_next_waiting(uint64_t from)
{
	unsigned found = NOBODY;

	for (unsigned c = 0; c < CONN_MAX; c++) {
		if (clients[c].state == CLIENT_WAITING && clients[c].arrival >= from &&
		    (found == NOBODY || clients[c].arrival < clients[found].arrival)) {
			found = c;
		}
	}
	return found;
}

unsigned clients_working(void)
{
	unsigned c = 0;

	while (c < CONN_MAX && clients[c].state != CLIENT_WORKING) {
		c++;
	}
	return c;
}

void clients_defer(uint64_t ms)
{
	for (unsigned c = 0; c < CONN_MAX; c++) {
		/* Writing to clients that were never used would cost memory pages. */
		if (clients[c].state != CLIENT_FREE && clients[c].deadline != PORT_NEVER) {
			clients[c].deadline += ms;
		}
	}
}

uint64_t clients_expire(uint64_t now, bool stopping)
{
	uint64_t next = PORT_NEVER;

	for (unsigned c = 0; c < CONN_MAX; c++) {
		bool reading = clients[c].state == CLIENT_READING;

		if (!reading && clients[c].state != CLIENT_SENDING) {
			continue;
		}
		if (clients[c].deadline <= now || (stopping && reading)) {
			client_close(c, 0);
		} else if (clients[c].deadline < next) {
			next = clients[c].deadline;
		}
	}
	return next;
}
