/*
 * The port's own lines in the log, and where the log goes.
 */
#ifndef WINDOWS_LOG_H
#define WINDOWS_LOG_H

#include "port.h"

/*
 * One line: "WHAT NAME: REASON", where the reason is that of the Win32 error
 * (GetLastError) or HRESULT `error`; without a name if that is NULL, without a
 * reason if `error` is 0.
 */
void log_reason(enum port_log_level level, const char *what, const char *name, unsigned long error);

/* From here on the log goes to the event log, not to standard error. */
void log_to_events(void);

/* Waits until all lines are written, but not for long. */
void log_flush(void);

#endif
