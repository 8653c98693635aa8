#include "port.h"
#include "service/conn.h"

struct conn conns[CONN_MAX];

bool conn_any(void)
{
	for (unsigned c = 0; c < CONN_MAX; c++) {
		if (conns[c].state != FREE) {
			return true;
		}
	}
	return false;
}

unsigned conn_next_waiting(uint64_t from)
{
	unsigned found = NOBODY;

	for (unsigned c = 0; c < CONN_MAX; c++) {
		if (conns[c].state == WAITING && conns[c].arrival >= from &&
		    (found == NOBODY || conns[c].arrival < conns[found].arrival)) {
			found = c;
		}
	}
	return found;
}

void conn_defer(uint64_t ms)
{
	for (unsigned c = 0; c < CONN_MAX; c++) {
		/* Of those that nobody has used yet no page is touched. */
		if (conns[c].state != FREE && conns[c].deadline != PORT_NEVER) {
			conns[c].deadline += ms;
		}
	}
}
