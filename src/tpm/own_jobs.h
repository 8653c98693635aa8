/*
 * Jobs that attestd begins of its own accord, for no client: to know the TPM before
 * somebody asks, to look again for what was missing, to make the next activation's
 * session ahead, and to flush it.
 */
#ifndef TPM_OWN_JOBS_H
#define TPM_OWN_JOBS_H

#include <stdint.h>

#include "tpm/state.h"

/* The link was opened. Begins to find the EK, its certificate and an AIK, unless there
 * is a job, or attestd is stopping. */
void own_jobs_link_opened(struct tpm *t);

/* The TPM is idle: begins to make or to flush the session for the next activation
 * (ready_session.h), if one of these is due. */
void own_jobs_idle(struct tpm *t, uint64_t now);

/* When own_jobs_idle has something to do next; PORT_NEVER: no time is set. */
uint64_t own_jobs_deadline(const struct tpm *t);

/* Begins tpm_look_again's job. MUST be idle. */
void own_jobs_look_again(struct tpm *t);

#endif
