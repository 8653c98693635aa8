#include "common/pending_events.h"

#include <assert.h>
#include <stdint.h>

#include "bounds.h"

static_assert(CONN_MAX <= 32, "a bit for each connection");

static struct {
	bool open;
	bool event; /* and this: */
	uint8_t kind; /* enum port_event_kind */
} due[CONN_MAX];
static uint32_t conns_due; /* a bit for each that has something */
static bool stop_due;
static bool tpm_due;
static unsigned next_conn; /* where the reporting goes on */

void pending_open(unsigned conn)
{
	due[conn].open = true;
	conns_due |= UINT32_C(1) << conn;
}

void pending_event(unsigned conn, enum port_event_kind kind)
{
	assert(!due[conn].event);
	due[conn].event = true;
	due[conn].kind = (uint8_t)kind;
	conns_due |= UINT32_C(1) << conn;
}

void pending_forget(unsigned conn)
{
	due[conn].open = false;
	due[conn].event = false;
	conns_due &= ~(UINT32_C(1) << conn);
}

void pending_stop(void)
{
	stop_due = true;
}

void pending_tpm(bool ready)
{
	tpm_due = ready;
}

bool pending_any(void)
{
	return stop_due || tpm_due || conns_due != 0;
}

static size_t report_conn(unsigned conn, struct port_event *events, size_t cap)
{
	size_t n = 0;

	if (due[conn].open && n < cap) {
		events[n++] = (struct port_event){PORT_EVENT_OPEN, conn};
		due[conn].open = false;
	}
	if (due[conn].event && n < cap) {
		events[n++] = (struct port_event){(enum port_event_kind)due[conn].kind, conn};
		due[conn].event = false;
	}
	if (!due[conn].open && !due[conn].event) {
		conns_due &= ~(UINT32_C(1) << conn);
	}
	return n;
}

size_t pending_report(struct port_event *events, size_t cap)
{
	size_t n = 0;

	if (stop_due && n < cap) {
		events[n++] = (struct port_event){PORT_EVENT_STOP, 0};
		stop_due = false;
	}
	if (tpm_due && n < cap) {
		events[n++] = (struct port_event){PORT_EVENT_TPM, 0};
		tpm_due = false;
	}
	for (unsigned i = 0; i < CONN_MAX && conns_due != 0 && n < cap; i++) {
		n += report_conn(next_conn, events + n, cap - n);
		/* Stay at one whose second event had no room. */
		if ((conns_due & (UINT32_C(1) << next_conn)) == 0) {
			next_conn = (next_conn + 1) % CONN_MAX;
		}
	}
	if (conns_due == 0) {
		next_conn = 0;
	}
	return n;
}
