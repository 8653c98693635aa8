/*
 * The job engine: runs one operation, which is a table of steps. Each step sends one TPM
 * command and takes its response; the event loop goes on between the two. However the
 * operation ends, its clean-up follows: what it has loaded (sessions, keys) is flushed.
 *
 * A step is in one of three states:
 *   next     to be started: job_run calls `start`
 *   awaited  its command was sent: job_run calls `finish` when the response can be read,
 *            and gives up when the TPM takes longer than limit_ms
 *   paused   the TPM said "not now" (rc_is_retry): started again after a pause
 */
#ifndef TPM_JOB_H
#define TPM_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include <tss2/tss2_esys.h>

#include "tpm/response_code.h"
#include "tpm/state.h"

/*
 * What a step's functions may return beside ESAPI's codes and the TPM's.
 * From `start`: there is nothing to do, go on with the next step.
 */
#define STEP_SKIP 0xfffffff0U
/* From `finish`: start this step again, there is more of the same. */
#define STEP_AGAIN 0xfffffff1U
/* From `start`: it cannot be done yet, since the system has no random numbers. The step
 * is paused like after "not now"; if it never can be done, the operation ends with this. */
#define STEP_LATER RC_NOT_YET
/* From either: go on at the operation's step `loop`. */
#define STEP_LOOP 0xfffffff3U
/* From either: the operation fails, and its `conclude` knows why. */
#define STEP_REFUSE 0xfffffff4U

/* As a step's target: the AIK that the operation uses (t->aik). */
#define TARGET_AIK 0xffU

struct step {
	/* Sends the command (TSS2_RC_SUCCESS). Any other code ends the step at once, and
	 * then `finish` is not called; it may be NULL where that is always so. */
	TSS2_RC (*start)(struct tpm *t);
	/* Takes the response. Called again while it returns TRY_AGAIN. */
	TSS2_RC (*finish)(struct tpm *t);
	/* How long the TPM may take, in ms. */
	uint32_t limit_ms;
	/* Which key (enum key_index) or NV index (enum nv_index) the step works on, if it
	 * is written for several; TARGET_AIK: t->aik. Its functions find it in t->target. */
	unsigned target;
};

struct operation {
	/* Called before the first step; or NULL. */
	void (*begin)(struct tpm *t);
	const struct step *steps;
	unsigned count; /* of steps; 0: the operation is a clean-up and nothing else */
	/*
	 * Called after the clean-up; NULL: always success. `rc` is the code that ended the
	 * steps, 0 if all succeeded. Returns 0 or a negative enum err; *stale, which is
	 * false, becomes true if the keys have changed (second_chance.h).
	 */
	int (*conclude)(struct tpm *t, TSS2_RC rc, bool *stale);
	unsigned loop; /* the step where STEP_LOOP goes on */
	enum key_index aik; /* the AIK that it uses; 0: the one that the request names */
};

/* Initialises an operation's `steps` and `count`. */
#define STEPS(table) .steps = (table), .count = sizeof(table) / sizeof *(table)

enum job_state {
	JOB_RUNNING,
	JOB_DONE, /* job_outcome has the outcome */
	JOB_BROKEN, /* the link broke, or the TPM did not answer in time: job_fault */
};

/* Begins an operation. MUST NOT be called while one is running. */
void job_begin(struct tpm *t, const struct operation *op);

/* Ends the running operation after the current TPM command, with its clean-up. `conclude`
 * is given RC_NOT_YET, unless the steps were over already. */
void job_abandon(void);

/* Makes progress. `event`: the TPM's response can be read. */
enum job_state job_run(struct tpm *t, uint64_t now, bool event);

/* After JOB_DONE: what `conclude` returned; *rc is the code that it was given. */
int job_outcome(struct tpm *t, uint32_t *rc, bool *stale);

/* After JOB_DONE: has the TPM refused to flush something? Then the link MUST be closed,
 * so that a resource manager flushes it. */
bool job_dirty(void);

/* After JOB_BROKEN: why. -ERR_TPM_TIMEOUT, -ERR_MEMORY, an error of link_fault's,
 * -ERR_TPM_UNAVAILABLE, or -ERR_TPM_RESPONSE. */
int job_fault(void);

/* job_run MUST be called at this time, if no event comes first. */
uint64_t job_deadline(void);

#endif
