/*
 * The job at work. A job finds the facts that it is given, by one operation after the
 * other, and then runs an operation of its own, if it has one. There is one job at a
 * time. It may be for a client, which waits for the outcome, or one of attestd's own
 * (own_jobs.h).
 *
 *   idle ----------- work_begin ----------> operation next
 *   operation next - there is one --------> operation runs
 *                  - nothing is left -----> idle: success
 *   operation runs - succeeded -----------> operation next
 *                  - failed --------------> operation next if there is a second chance
 *                                           (second_chance.h), else idle: failure
 *                  - the link broke ------> operation next if it can be opened again,
 *                                           once in a job, else idle: failure
 *
 * A client gets a success as soon as its operation has the answer; the clean-up follows
 * without it.
 */
#ifndef TPM_WORK_H
#define TPM_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "tpm/job.h"

bool work_is_idle(void);

/*
 * Begins a job: finds what is not known of `facts` (FACT_ bits), then runs `op`, unless
 * that is NULL. MUST be idle. `client_waits`: the outcome goes to work_result.
 */
void work_begin(struct tpm *t, unsigned facts, const struct operation *op, bool client_waits);

/*
 * Begins a job that no client waits for, and that has as many operations of its own as
 * `next` returns; NULL is the end of them. MUST be idle.
 */
typedef const struct operation *work_next_fn(struct tpm *t);
void work_begin_series(struct tpm *t, unsigned facts, work_next_fn *next);

/* Ends the job, if it is such a series, after the current TPM command and a clean-up. */
void work_abandon_series(void);

/*
 * From now on no further operation is begun that no client waits for, except the one
 * that flushes the session for the next activation (ready_session.h). A session that
 * is being made is abandoned.
 */
void work_wind_down(void);
bool work_is_winding_down(void);

/*
 * Makes progress, if there is a job; `event`: PORT_EVENT_TPM has arrived. The link MUST
 * be open. Closes it, and may open it again, where it breaks.
 */
void work_run(struct tpm *t, uint64_t now, bool event);

/* The link cannot be opened: the job, if there is one, fails with this error. */
void work_give_up(struct tpm *t, int err);

/* The outcome of a job that a client waits for, until work_forget; NULL before that. */
const struct tpm_result *work_result(const struct tpm *t);
/* Wipes the outcome. */
void work_forget(struct tpm *t);

/*
 * Why the last operation that looked for a fact failed: a negative enum err, *rc being
 * the TPM's response code or 0; 0 if it succeeded.
 */
int work_fact_error(uint32_t *rc);

#endif
