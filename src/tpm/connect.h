/*
 * Keeps the link to the TPM open: opens it, pauses for longer and longer where that
 * fails, and logs what is wrong once, until something works again.
 */
#ifndef TPM_CONNECT_H
#define TPM_CONNECT_H

#include <stdbool.h>
#include <stdint.h>

#include "tpm/state.h"

/* Starts. For grace_ms from `now`, a TPM that is not there is expected to appear. */
void connect_init(uint64_t now, uint32_t grace_ms);

/* While the link is closed: when connect_is_due MUST be asked next; and whether it is
 * time to call connect_open. */
uint64_t connect_deadline(void);
bool connect_is_due(uint64_t now);

/*
 * Opens the link, which MUST be closed. Returns link_open's errors. They are logged,
 * and set when the next attempt is due.
 */
int connect_open(struct tpm *t, uint64_t now);

/* The link is broken, or cannot be used any more, because of `fault`: closes it, logs
 * that, and sets when the next attempt to open it is due. */
void connect_lost(struct tpm *t, uint64_t now, int fault);

/* Closes the link, and forgets what was loaded through it and the facts that depend on
 * it. Idempotent. */
void connect_close(struct tpm *t);

/* A job has failed: logs that, unless the same error was logged last. */
void connect_complain(struct tpm *t, int err, uint32_t rc);
/* A job has succeeded: logs that, if an error was logged; pauses are short again. */
void connect_recovered(struct tpm *t);

/* As tpm_wait_error. */
int connect_wait_error(const struct tpm *t, uint64_t now);

/* While the link is closed: why. 0: no attempt to open it has failed, and the time that
 * connect_init allows is not over. */
int connect_error(uint64_t now);

/* As tpm_device. */
const char *connect_device(void);

#endif
