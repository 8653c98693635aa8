/*
 * The job engine: runs an operation, which is a table of steps, each one TPM
 * command. A step is started, the loop goes on, and the step is finished when
 * the TPM has answered. Whatever happens, an operation ends with its clean-up:
 * the session and the transient objects it loaded are flushed.
 */
#ifndef TPM_JOB_H
#define TPM_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include <tss2/tss2_esys.h>

#include "tpm/response_code.h"
#include "tpm/state.h"

/* Not response codes: a step's start says there is nothing to do; its finish
 * says that it wants to be started again (the next piece). */
#define STEP_SKIP 0xfffffff0U
#define STEP_AGAIN 0xfffffff1U
/* A step's start: it cannot begin yet. It is asked again after a pause, as often
 * as after "not now"; then this is the code that ends the operation. */
#define STEP_LATER RC_NOT_YET
/* The operation goes on at its step `loop`. */
#define STEP_LOOP 0xfffffff3U
/* The operation fails, and its conclude knows why. */
#define STEP_REFUSE 0xfffffff4U

/* A step that is about the AIK that its operation is about (t->aik). */
#define TARGET_AIK 0xffU

struct step {
	/* Sends the command, or STEP_SKIP. */
	TSS2_RC (*start)(struct tpm *t);
	/* Takes the response; called until it is not TRY_AGAIN. */
	TSS2_RC (*finish)(struct tpm *t);
	/* How long the TPM may take, in ms. */
	uint32_t limit_ms;
	/* What it is about, where it is about one of several: an enum key_index, an
	 * enum nv_index; t->target meanwhile. TARGET_AIK: t->aik. */
	unsigned target;
};

struct operation {
	/* Before the first step; or NULL. */
	void (*begin)(struct tpm *t);
	const struct step *steps; /* count of them; 0: there is but the clean-up */
	unsigned count;
	/* Draws the conclusion from the last step's code, after the clean-up
	 * (0: all steps succeeded). Returns 0 or a negative enum err (NULL: 0); setting
	 * *stale asks for the identity to be found anew and the job repeated. */
	int (*conclude)(struct tpm *t, TSS2_RC rc, bool *stale);
	unsigned loop; /* where STEP_LOOP goes on */
	enum key_index aik; /* what it is about; 0: the AIK that the parameters name */
};

/* Of an operation: its table of steps. */
#define STEPS(table) .steps = (table), .count = sizeof(table) / sizeof *(table)

enum job_state {
	JOB_RUNNING,
	JOB_DONE, /* the operation is over: job_outcome */
	JOB_BROKEN, /* the link broke, or the TPM is mute */
};

/* Starts an operation; MUST NOT be called while one is running. */
void job_begin(struct tpm *t, const struct operation *op);

/*
 * Nobody is interested in the operation any more: its clean-up follows the
 * command at work, and the code that it concludes from is RC_NOT_YET.
 */
void job_abandon(void);

/* Makes progress. `event`: the TPM's response can be read. */
enum job_state job_run(struct tpm *t, uint64_t now, bool event);

/* After JOB_DONE: conclude's verdict, and the response code behind it. */
int job_outcome(struct tpm *t, uint32_t *rc, bool *stale);

/* After JOB_DONE: did the TPM refuse to flush something? Closing the link
 * makes a resource manager do it. */
bool job_dirty(void);

/* After JOB_BROKEN: why. -ERR_TPM_TIMEOUT or link_fault's. */
int job_fault(void);

/* When job_run wants to be called at the latest. */
uint64_t job_deadline(void);

#endif
