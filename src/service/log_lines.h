/*
 * The lines of the log. None has a secret, a key or a credential in it; what came from a
 * client or a file is printed with '?' for each character that is not printable ASCII.
 */
#ifndef SERVICE_LOG_LINES_H
#define SERVICE_LOG_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "port.h"

/* Lines of a less important level are dropped. PORT_LOG_INFO until this is called. */
void log_set_level(enum port_log_level level);

/* Parses "error", "warning", "info" or "debug"; -ERR_USAGE otherwise. */
int log_level_parse(const char *name, enum port_log_level *level);

/* Are lines of this level logged? */
bool log_wants(enum port_log_level level);

/* Logs `what`, then the error's name and message unless err is 0, then the TPM's
 * response code unless rc is 0. */
void log_event(enum port_log_level level, const char *what, int err, uint32_t rc);

/* The same, in the form that tpm_init takes. */
void log_tpm(bool warning, const char *what, int err, uint32_t rc);

/* Logs a request: its type ("-" if it has none), the outcome, the client. */
void log_request(const char *type, int err, uint32_t rc, uint32_t tpm_commands, unsigned conn);

#endif
