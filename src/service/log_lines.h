/*
 * Log lines: one a line, never a secret, a key or a blob, and nothing of what
 * a client or a file said that is not printable.
 */
#ifndef SERVICE_LOG_LINES_H
#define SERVICE_LOG_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "port.h"

/* Lines above this level are dropped. At first PORT_LOG_INFO. */
void log_set_level(enum port_log_level level);

/* "error", "warning", "info" or "debug"; -ERR_USAGE otherwise. */
int log_level_parse(const char *name, enum port_log_level *level);

bool log_wants(enum port_log_level level);

/* "what", and the error's name and message if err is not 0, and the TPM's
 * response code if rc is not 0. */
void log_event(enum port_log_level level, const char *what, int err, uint32_t rc);

/* The same, for who starts the TPM (tpm_log_fn). */
void log_tpm(bool warning, const char *what, int err, uint32_t rc);

/* A request: its command ("-" if it names none), its outcome, the client. */
void log_request(const char *command, int err, uint32_t rc, uint32_t tpm_commands, unsigned conn);

#endif
