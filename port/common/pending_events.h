/*
 * The events that port_wait has not reported yet.
 */
#ifndef COMMON_PENDING_EVENTS_H
#define COMMON_PENDING_EVENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "port.h"

/* OPEN, which is reported before anything else of the connection. */
void pending_open(unsigned conn);
/* DATA, SENT or CLOSED: another of them MUST NOT be pending. */
void pending_event(unsigned conn, enum port_event_kind kind);
/* Drops what is pending for this connection. */
void pending_forget(unsigned conn);
void pending_stop(void);
/* Can the TPM's response be read? */
void pending_tpm(bool ready);

bool pending_any(void);
/* Moves pending events to events[cap] while there is room. Returns how many. */
size_t pending_report(struct port_event *events, size_t cap);

#endif
