/*
 * Keeps the link to the TPM open: opens it, makes growing pauses where that
 * fails, and says once in the log what is wrong, until something works.
 */
#ifndef TPM_CONNECT_H
#define TPM_CONNECT_H

#include <stdbool.h>
#include <stdint.h>

#include "tpm/state.h"

/* Starts looking for the TPM; for so long it may still come up. */
void connect_init(uint64_t now, uint32_t grace_ms);

/* While the link is closed: when something is to be done, and is it now? */
uint64_t connect_deadline(void);
bool connect_is_due(uint64_t now);

/* Opens the link, which MUST be closed. The errors are link_open's. */
int connect_open(struct tpm *t, uint64_t now);

/* The link is of no use any more: closes it, and makes a pause. */
void connect_lost(struct tpm *t, uint64_t now, int fault);

/* Closes the link. What hangs on it is known no more. Idempotent. */
void connect_close(struct tpm *t);

/* Something failed: goes to the log, unless it was the last that did. */
void connect_complain(struct tpm *t, int err, uint32_t rc);
/* Something worked: pauses are short again, complaints news. */
void connect_recovered(struct tpm *t);

/*
 * 0 if the link is open or it is of any use to wait for it, otherwise the
 * negative enum err that says why not.
 */
int connect_wait_error(const struct tpm *t, uint64_t now);

/* While the link is closed: what the last attempt to open it ended with. 0: none
 * has failed yet, and there is still time. */
int connect_error(uint64_t now);
/* The device that is open, or was found last, a static string; or NULL. */
const char *connect_device(void);

#endif
