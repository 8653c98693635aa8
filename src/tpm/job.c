#include "bounds.h"
#include "err.h"
#include "port.h"
#include "tpm/job.h"
#include "tpm/link.h"
#include "tpm/response_code.h"

static TSS2_RC flush_start(struct tpm *t, ESYS_TR object)
{
	return object == ESYS_TR_NONE ? STEP_SKIP : Esys_FlushContext_Async(t->esys, object);
}

/* "No such handle" is a success: the object is gone already. */
static TSS2_RC flush_finish(struct tpm *t, ESYS_TR *object)
{
	TSS2_RC rc = Esys_FlushContext_Finish(t->esys);

	if (rc_is_tpm(rc) && rc_is_no_handle(rc)) {
		Esys_TR_Close(t->esys, object);
		rc = TSS2_RC_SUCCESS;
	}
	if (rc == TSS2_RC_SUCCESS) {
		*object = ESYS_TR_NONE;
	}
	return rc;
}

static TSS2_RC flush_session_start(struct tpm *t)
{
	return flush_start(t, t->session);
}

static TSS2_RC flush_session_finish(struct tpm *t)
{
	return flush_finish(t, &t->session);
}

static TSS2_RC flush_auth_start(struct tpm *t)
{
	return flush_start(t, t->auth_session);
}

static TSS2_RC flush_auth_finish(struct tpm *t)
{
	return flush_finish(t, &t->auth_session);
}

static TSS2_RC flush_key_start(struct tpm *t)
{
	return port_tpm_holds_keys() ? STEP_SKIP : flush_start(t, t->keys[t->target].loaded);
}

static TSS2_RC flush_key_finish(struct tpm *t)
{
	return flush_finish(t, &t->keys[t->target].loaded);
}

static const struct step clean_up[] = {
	{flush_session_start, flush_session_finish, TPM_COMMAND_MS, 0},
	{flush_auth_start, flush_auth_finish, TPM_COMMAND_MS, 0},
	{flush_key_start, flush_key_finish, TPM_COMMAND_MS, KEY_AIK_ECC},
	{flush_key_start, flush_key_finish, TPM_COMMAND_MS, KEY_AIK_RSA},
	{flush_key_start, flush_key_finish, TPM_COMMAND_MS, KEY_EK},
};
#define CLEAN_UP (sizeof clean_up / sizeof *clean_up)

static struct job {
	const struct operation *op;
	const struct step *steps; /* the operation's own; then clean_up */
	unsigned count;
	unsigned at; /* the current step */
	enum { STEP_NEXT, STEP_AWAITED, STEP_PAUSED } state; /* of the step: see job.h */
	unsigned retries; /* of the step, after "not now" */
	uint64_t deadline; /* STEP_AWAITED: the TPM is too slow; STEP_PAUSED: the pause is over */
	TSS2_RC rc; /* the code that ended the operation's own steps */
	bool abandoned; /* job_abandon was called */
	bool dirty; /* the clean-up could not flush something */
	bool blocked; /* a command has just blocked the event loop (port_tpm_arm) */
	int fault; /* see job_fault */
} job;

/* After the operation's own steps, if it has any, the clean-up follows. */
static void turn_to_clean_up(void)
{
	if (job.at == job.count && job.steps != clean_up) {
		job.steps = clean_up;
		job.count = CLEAN_UP;
		job.at = 0;
	}
}

void job_begin(struct tpm *t, const struct operation *op)
{
	t->aik = op->aik != 0 ? op->aik : t->params.aik;
	t->client_data_sent = false;
	t->session = ESYS_TR_NONE;
	t->auth_session = ESYS_TR_NONE;
	for (unsigned k = 0; k < KEYS && !port_tpm_holds_keys(); k++) {
		t->keys[k].loaded = ESYS_TR_NONE;
	}
	job.op = op;
	job.steps = op->steps;
	job.count = op->count;
	job.at = 0;
	job.state = STEP_NEXT;
	job.retries = 0;
	job.deadline = 0;
	job.rc = TSS2_RC_SUCCESS;
	job.abandoned = false;
	job.dirty = false;
	job.blocked = false;
	job.fault = 0;
	if (op->begin != NULL) {
		op->begin(t);
	}
	turn_to_clean_up();
}

/* The step has ended with this code. A failure ends the operation's own steps; the
 * clean-up's steps are all taken. */
static void step_over(TSS2_RC rc)
{
	bool failed;

	if (job.abandoned && job.steps != clean_up) {
		rc = RC_NOT_YET;
	}
	failed = rc != TSS2_RC_SUCCESS && rc != STEP_SKIP;
	job.state = STEP_NEXT;
	job.retries = 0;
	if (rc == STEP_AGAIN) {
		return;
	}
	if (rc == STEP_LOOP) {
		job.at = job.op->loop;
		return;
	}
	job.at++;
	if (failed && job.steps == clean_up) {
		job.dirty = true;
	} else if (failed) {
		job.rc = rc;
		job.at = job.count;
	}
	turn_to_clean_up();
}

/* Is this an error of the library? Its state is undefined after one. */
static bool breaks(TSS2_RC rc)
{
	return rc != TSS2_RC_SUCCESS && (rc < STEP_SKIP || rc > STEP_REFUSE) && !rc_is_tpm(rc);
}

static bool try_again(TSS2_RC rc)
{
	return (rc & ~(TSS2_RC)TSS2_RC_LAYER_MASK) == TSS2_BASE_RC_TRY_AGAIN && !rc_is_tpm(rc);
}

static enum job_state broken(TSS2_RC rc)
{
	job.fault = link_fault();
	if (job.fault == 0) {
		job.fault = (rc & ~(TSS2_RC)TSS2_RC_LAYER_MASK) == TSS2_BASE_RC_MEMORY ? -ERR_MEMORY
			    : rc == TSS2_TCTI_RC_IO_ERROR ? -ERR_TPM_UNAVAILABLE
							  : -ERR_TPM_RESPONSE;
	}
	return JOB_BROKEN;
}

/* "Not now": the step is started again after a pause, each twice as long as the last. */
static bool pause_step(TSS2_RC rc, uint64_t now)
{
	bool may_pass = rc == STEP_LATER || (rc_is_tpm(rc) && rc_is_retry(rc));

	if (!may_pass || job.retries == TPM_RETRY_COUNT || job.abandoned) {
		return false;
	}
	job.deadline = now + ((uint64_t)TPM_RETRY_MIN_MS << job.retries);
	job.retries++;
	job.state = STEP_PAUSED;
	return true;
}

static TSS2_RC call_step(struct tpm *t, TSS2_RC (*half)(struct tpm *t))
{
	unsigned target = job.steps[job.at].target;

	t->target = target == TARGET_AIK ? t->aik : target;
	return half(t);
}

/* Waits for the response to the step's command. Returns true if the step has ended, with
 * *rc; false if the event loop will tell. */
static bool await(struct tpm *t, TSS2_RC *rc)
{
	int r = port_tpm_arm();

	if (r == 0) {
		return false;
	}
	if (r != -ERR_NOTSUP) {
		*rc = TSS2_TCTI_RC_IO_ERROR;
		return true;
	}
	job.blocked = true;
	Esys_SetTimeout(t->esys, TSS2_TCTI_TIMEOUT_BLOCK);
	do {
		*rc = call_step(t, job.steps[job.at].finish);
	} while (try_again(*rc));
	Esys_SetTimeout(t->esys, 0);
	return true;
}

/* Sends the step's command. Returns true if the step has ended already, with *rc. */
static bool start_step(struct tpm *t, uint64_t now, TSS2_RC *rc)
{
	*rc = call_step(t, job.steps[job.at].start);
	if (*rc != TSS2_RC_SUCCESS) {
		return true;
	}
	job.state = STEP_AWAITED;
	job.deadline = now + job.steps[job.at].limit_ms;
	return await(t, rc);
}

/* Takes the response, or as much of it as there is. Returns true if the step has ended. */
static bool finish_step(struct tpm *t, TSS2_RC *rc)
{
	*rc = call_step(t, job.steps[job.at].finish);
	return !try_again(*rc) || await(t, rc);
}

enum job_state job_run(struct tpm *t, uint64_t now, bool event)
{
	while (job.at < job.count) {
		TSS2_RC rc;

		if (job.state == STEP_PAUSED && now < job.deadline) {
			return JOB_RUNNING;
		}
		if (job.state != STEP_AWAITED) {
			if (!start_step(t, now, &rc)) {
				return JOB_RUNNING;
			}
		} else if (!event || !finish_step(t, &rc)) {
			if (now < job.deadline) {
				return JOB_RUNNING;
			}
			job.fault = -ERR_TPM_TIMEOUT;
			return JOB_BROKEN;
		} else {
			event = false;
		}
		if (breaks(rc)) {
			return broken(rc);
		}
		if (!pause_step(rc, now)) {
			step_over(rc);
			job.deadline = now;
		}
		if (job.blocked) { /* let the event loop serve other clients in between */
			job.blocked = false;
			return JOB_RUNNING;
		}
	}
	return JOB_DONE;
}

void job_abandon(void)
{
	job.abandoned = true;
}

int job_outcome(struct tpm *t, uint32_t *rc, bool *stale)
{
	*stale = false;
	*rc = job.rc;
	return job.op->conclude == NULL ? 0 : job.op->conclude(t, job.rc, stale);
}

bool job_dirty(void)
{
	return job.dirty;
}

int job_fault(void)
{
	return job.fault;
}

uint64_t job_deadline(void)
{
	return job.deadline;
}
