#include "common/pending_events.h"

#include <assert.h>
#include <stdint.h>

#include "bounds.h"

static_assert(CONN_MAX <= 32, "a bit for each connection");

static struct {
	bool open;
	bool event; /* and its kind: */
	uint8_t kind; /* enum port_event_kind */
} conns[CONN_MAX];
static uint32_t conns_pending; /* a bit for each connection that has one */
static bool stop_pending;
static bool tpm_pending;
static unsigned next_conn; /* where pending_report continues */

void pending_open(unsigned conn)
{
	conns[conn].open = true;
	conns_pending |= UINT32_C(1) << conn;
}

void pending_event(unsigned conn, enum port_event_kind kind)
{
	assert(!conns[conn].event);
	conns[conn].event = true;
	conns[conn].kind = (uint8_t)kind;
	conns_pending |= UINT32_C(1) << conn;
}

void pending_forget(unsigned conn)
{
	conns[conn].open = false;
	conns[conn].event = false;
	conns_pending &= ~(UINT32_C(1) << conn);
}

void pending_stop(void)
{
	stop_pending = true;
}

void pending_tpm(bool ready)
{
	tpm_pending = ready;
}

bool pending_any(void)
{
	return stop_pending || tpm_pending || conns_pending != 0;
}

static size_t report_conn(unsigned conn, struct port_event *events, size_t cap)
{
	size_t n = 0;

	if (conns[conn].open && n < cap) {
		events[n++] = (struct port_event){PORT_EVENT_OPEN, conn};
		conns[conn].open = false;
	}
	if (conns[conn].event && n < cap) {
		events[n++] = (struct port_event){(enum port_event_kind)conns[conn].kind, conn};
		conns[conn].event = false;
	}
	if (!conns[conn].open && !conns[conn].event) {
		conns_pending &= ~(UINT32_C(1) << conn);
	}
	return n;
}

size_t pending_report(struct port_event *events, size_t cap)
{
	size_t n = 0;

	if (stop_pending && n < cap) {
		events[n++] = (struct port_event){PORT_EVENT_STOP, 0};
		stop_pending = false;
	}
	if (tpm_pending && n < cap) {
		events[n++] = (struct port_event){PORT_EVENT_TPM, 0};
		tpm_pending = false;
	}
	for (unsigned i = 0; i < CONN_MAX && conns_pending != 0 && n < cap; i++) {
		n += report_conn(next_conn, events + n, cap - n);
		/* Stay at a connection whose second event had no room. */
		if ((conns_pending & (UINT32_C(1) << next_conn)) == 0) {
			next_conn = (next_conn + 1) % CONN_MAX;
		}
	}
	if (conns_pending == 0) {
		next_conn = 0;
	}
	return n;
}
