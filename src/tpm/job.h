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

#include "tpm/tpm.h"

/* What steps work on. One for the process; the rooms' files share it. */
struct tpm {
	ESYS_CONTEXT *esys; /* NULL while the link is closed */

	/* What to flush of those before us, where nobody else does: what is ours
	 * beyond doubt; and new sessions, since the TPM is full. */
	enum { SWEEP_NOTHING, SWEEP_OURS, SWEEP_FRESH } sweep;

	/* Loaded by the operation at work; flushed by its clean-up. */
	ESYS_TR session;
	ESYS_TR ek_loaded;
	ESYS_TR aik_loaded;

	/* The EK. */
	bool ek_proven; /* it is this TPM's, checked since the link was opened */
	bool ek_skip_persistent; /* ESAPI cannot read what is at 0x81010001 */
	ESYS_TR ek_persistent; /* or ESYS_TR_NONE */
	TPMS_CONTEXT *ek_saved; /* ESAPI's, or NULL */

	/* Its certificate. */
	bool cert_known; /* whether there is one */
	bool cert_skip; /* ESAPI cannot read the index */
	ESYS_TR nv; /* the index, while it is read */
	uint32_t nv_attributes;
	bool nv_as_owner; /* read with the owner's authorisation */
	uint16_t nv_size, nv_chunk, nv_at; /* bytes */

	/* The AIK. */
	bool aik_known;
	TPMS_CONTEXT *aik_saved; /* ESAPI's, or NULL */

	/* The credential in hand, and what came of it. */
	struct credential credential;
	bool credential_sent; /* what the TPM says now is about the credential */
	bool activated;
	struct tpm_result result;

	struct identity id;
	tpm_log_fn *log;
};

/* Not response codes: a step's start says there is nothing to do; its finish
 * says that it wants to be started again (the next piece). */
#define STEP_SKIP 0xfffffff0U
#define STEP_AGAIN 0xfffffff1U

struct step {
	/* Sends the command, or STEP_SKIP. */
	TSS2_RC (*start)(struct tpm *t);
	/* Takes the response; called until it is not TRY_AGAIN. */
	TSS2_RC (*finish)(struct tpm *t);
	/* How long the TPM may take, in ms. */
	uint32_t limit_ms;
};

struct operation {
	const struct step *steps;
	unsigned count;
	/* Draws the conclusion from the last step's code, after the clean-up
	 * (0: all steps succeeded). Returns 0 or a negative enum err; setting
	 * *stale asks for the identity to be found anew and the job repeated. */
	int (*conclude)(struct tpm *t, TSS2_RC rc, bool *stale);
};

enum job_state {
	JOB_RUNNING,
	JOB_DONE, /* the operation is over: job_outcome */
	JOB_BROKEN, /* the link broke, or the TPM is mute */
};

/* Starts an operation; MUST NOT be called while one is running. */
void job_begin(struct tpm *t, const struct operation *op);

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
