#include "common/pending_events.h"
#include "err.h"
#include "log.h"
#include "port.h"
#include "slot.h"
#include "wait.h"

HANDLE wait_port;

static volatile LONG stop_asked; /* wait_stop was called, perhaps before wait_port_open */
static bool stop_seen; /* STOP comes once */

/* Of wait_port_open and wait_stop, the second one posts the stop, or both do. */
int wait_port_open(void)
{
	HANDLE port;

	if (wait_port != NULL) {
		return 0;
	}
	port = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, 1);
	if (port == NULL) {
		log_reason(PORT_LOG_ERROR, "cannot make a completion port", NULL, GetLastError());
		return -ERR_IO;
	}
	(void)InterlockedExchangePointer(&wait_port, port);
	if (InterlockedCompareExchange(&stop_asked, 0, 0) != 0) {
		(void)PostQueuedCompletionStatus(port, 0, 0, NULL);
	}
	return 0;
}

void wait_stop(void)
{
	HANDLE port;

	(void)InterlockedExchange(&stop_asked, 1);
	port = InterlockedCompareExchangePointer(&wait_port, NULL, NULL);
	if (port != NULL) {
		(void)PostQueuedCompletionStatus(port, 0, 0, NULL);
	}
}

static void handle(const OVERLAPPED_ENTRY *entry)
{
	if (entry->lpOverlapped != NULL) {
		slot_go_on((unsigned)entry->lpCompletionKey, entry->lpOverlapped);
	} else if (!stop_seen) {
		stop_seen = true;
		pending_stop();
	}
}

/* How long to wait, rounded up, because port_now_ms() is rounded down. */
static DWORD milliseconds(uint64_t now, uint64_t until)
{
	if (until <= now) {
		return 0;
	}
	if (until == PORT_NEVER) {
		return INFINITE;
	}
	return until - now < INFINITE ? (DWORD)(until - now) : INFINITE - 1;
}

/* Waits once, up to the deadline at most; returns how many operations have ended. */
static int wait_once(uint64_t deadline)
{
	OVERLAPPED_ENTRY entries[CONN_MAX];
	uint64_t until = slots_deadline();
	ULONG n = 0;

	if (deadline < until) {
		until = deadline;
	}
	if (!GetQueuedCompletionStatusEx(wait_port, entries, CONN_MAX, &n,
					 milliseconds(port_now_ms(), until), FALSE)) {
		n = 0;
		if (GetLastError() != WAIT_TIMEOUT) {
			return -ERR_IO;
		}
	}
	for (ULONG i = 0; i < n; i++) {
		handle(&entries[i]);
	}
	if (slots_deadline() != PORT_NEVER) {
		slots_expire(port_now_ms());
	}
	return (int)n;
}

/*
 * A new client is read from only when its connect has ended; if its request is
 * there already, that read ends at once. So this looks a second time: otherwise
 * such a client might wait for one more TPM command.
 */
int port_wait(struct port_event *events, size_t cap, uint64_t deadline)
{
	bool pending = pending_any();
	int r;

	do {
		r = wait_once(pending ? 0 : deadline);
		if (r < 0) {
			return r;
		}
		pending = pending_any();
	} while (!pending && port_now_ms() < deadline);
	if (r > 0 && wait_once(0) < 0) {
		return -ERR_IO;
	}
	return (int)pending_report(events, cap);
}
