#include "port.h"
#include "service/client.h"

struct client clients[CONN_MAX];

bool clients_any(void)
{
	for (unsigned c = 0; c < CONN_MAX; c++) {
		if (clients[c].state != FREE) {
			return true;
		}
	}
	return false;
}

unsigned clients_next_waiting(uint64_t from)
{
	unsigned found = NOBODY;

	for (unsigned c = 0; c < CONN_MAX; c++) {
		if (clients[c].state == WAITING && clients[c].arrival >= from &&
		    (found == NOBODY || clients[c].arrival < clients[found].arrival)) {
			found = c;
		}
	}
	return found;
}

void clients_defer(uint64_t ms)
{
	for (unsigned c = 0; c < CONN_MAX; c++) {
		/* Of those that nobody has used yet no page is touched. */
		if (clients[c].state != FREE && clients[c].deadline != PORT_NEVER) {
			clients[c].deadline += ms;
		}
	}
}
