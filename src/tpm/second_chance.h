/*
 * When a job failed, whether it may try once more: each way once in a job, except that
 * finding the keys anew gives it back the chance of another link. None of these repeats
 * an authorisation that the TPM has refused with the same value, because TPMs count that.
 */
#ifndef TPM_SECOND_CHANCE_H
#define TPM_SECOND_CHANCE_H

#include <stdbool.h>

#include "tpm/state.h"

/* A job begins: it has all its chances. */
void second_chances_begin(void);

/* The link broke with `fault` (job_fault): may the job go on with a new one? */
bool second_chance_after_fault(int fault);

/*
 * The operation has failed with `err` and the response code `rc` (job_outcome). Returns
 * true if something could be changed so that the job may go on, with its next operation.
 * Sets *reopens if the link MUST be closed and opened first.
 */
bool second_chance_after_error(struct tpm *t, int err, TSS2_RC rc, bool stale, bool *reopens);

#endif
