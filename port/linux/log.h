/*
 * The port's own lines in the log.
 */
#ifndef LINUX_LOG_H
#define LINUX_LOG_H

#include "port.h"

/* Finds out how lines have to begin; call it first. */
void log_open(void);

/*
 * One line: "WHAT PATH: REASON", where the reason is that of the errno value
 * `e`; without a path if that is NULL, without a reason if `e` is 0.
 */
void log_reason(enum port_log_level level, const char *what, const char *path, int e);

#endif
