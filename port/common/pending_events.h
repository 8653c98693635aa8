/*
 * What the core is to be told and has not been yet: the events of port_wait.
 */
#ifndef COMMON_PENDING_EVENTS_H
#define COMMON_PENDING_EVENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "port.h"

/* OPEN comes before anything else of the connection. */
void pending_open(unsigned conn);
/* DATA, SENT or CLOSED: there MUST NOT be another of them due. */
void pending_event(unsigned conn, enum port_event_kind kind);
/* Nothing of this connection. */
void pending_forget(unsigned conn);
void pending_stop(void);
/* Whether the TPM's response can be read. */
void pending_tpm(bool ready);

bool pending_any(void);
/* Reports what is due to events[cap], as far as there is room; the rest stays
 * due. Returns how many. */
size_t pending_report(struct port_event *events, size_t cap);

#endif
