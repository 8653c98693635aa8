#include "tpm/work.h"

#include "base/wipe.h"
#include "err.h"
#include "port.h"
#include "tpm/connect.h"
#include "tpm/link.h"
#include "tpm/ready_session.h"
#include "tpm/response_code.h"
#include "tpm/second_chance.h"

static struct work {
	enum { WORK_IDLE, WORK_OPERATION_NEXT, WORK_OPERATION_RUNS } state;
	unsigned facts; /* FACT_ bits: to be known before `op` */
	const struct operation *op; /* its own operation; NULL: it has none, or it is over */
	const struct operation *running;
	work_next_fn *next; /* of a series: what comes when `op` is over; or NULL */
	bool abandoned; /* of the operation, only the clean-up is left; then the job is over */
	bool client_waits; /* ... for the outcome; false once that is there */
	bool winding_down; /* see work_wind_down */
	bool has_result; /* t->result is for work_result */
	uint32_t commands; /* link_commands() when it began */
} work;

static struct {
	int err;
	uint32_t rc;
} fact_error; /* see work_fact_error */

bool work_is_idle(void)
{
	return work.state == WORK_IDLE;
}

void work_begin(struct tpm *t, unsigned facts, const struct operation *op, bool client_waits)
{
	work.state = WORK_OPERATION_NEXT;
	work.facts = facts;
	work.op = op;
	work.next = NULL;
	work.abandoned = false;
	work.client_waits = client_waits;
	work.has_result = false;
	work.commands = link_commands();
	second_chances_begin();
	t->answered = false;
	t->ready.taken = false;
}

void work_begin_series(struct tpm *t, unsigned facts, work_next_fn *next)
{
	work_begin(t, facts, NULL, false);
	work.next = next;
}

static void abandon(void)
{
	if (work.state != WORK_IDLE && !work.abandoned) {
		work.abandoned = true;
		job_abandon();
	}
}

void work_abandon_series(void)
{
	if (work.next != NULL) {
		abandon();
	}
}

void work_wind_down(void)
{
	work.winding_down = true;
	if (work.op == &ready_make_operation) {
		abandon();
	}
}

bool work_is_winding_down(void)
{
	return work.winding_down;
}

/* The outcome goes to the client, if one waits, or else an error to the log. */
static void publish(struct tpm *t, int err, uint32_t rc)
{
	wipe(&t->params, sizeof t->params);
	if (work.client_waits) {
		t->result.err = err;
		t->result.rc = rc;
		t->result.commands = link_commands() - work.commands;
		work.has_result = true;
		work.client_waits = false;
	} else if (err != 0) {
		connect_complain(t, err, rc);
	}
}

static void finish(struct tpm *t, int err, uint32_t rc)
{
	publish(t, err, rc);
	work.state = WORK_IDLE;
}

void work_give_up(struct tpm *t, int err)
{
	if (work.state != WORK_IDLE) {
		finish(t, err, 0);
	}
}

/* NULL: the job is over. A session that will not be used is flushed first, because it
 * takes room in the TPM that the job may need. */
static const struct operation *next_operation(struct tpm *t)
{
	const struct operation *finder;

	if (t->ready.to_flush) {
		return &ready_flush_operation;
	}
	if (work.abandoned || (!work.client_waits && work.winding_down)) {
		return NULL;
	}
	finder = facts_next_finder(work.facts, t->facts);
	if (finder != NULL) {
		return finder;
	}
	if (work.next != NULL && work.op == NULL) {
		work.op = work.next(t);
	}
	return work.op;
}

/* The link is of no use any more. The job, if it is not over, goes on with a new one:
 * each of its operations can be repeated. */
static void reopen(struct tpm *t, uint64_t now, int fault)
{
	int r = fault;

	connect_lost(t, now, fault);
	if (second_chance_after_fault(fault)) {
		r = connect_open(t, now);
	}
	if (t->esys == NULL) {
		work_give_up(t, r);
	}
}

/* The error for the client: the port may know it better than the TPM's response code
 * says it. *rc becomes 0 then, and where it is not the TPM's code. */
static int client_error(const struct tpm *t, int err, uint32_t *rc)
{
	int refusal = rc_tpm(*rc) == TPM2_RC_COMMAND_CODE ? port_tpm_refusal() : 0;

	*rc = rc_is_tpm(*rc) && refusal == 0 ? *rc : 0;
	if (err == -ERR_TPM_AUTH && t->auth.error == -ERR_TPM_DENIED) {
		return -ERR_TPM_DENIED;
	}
	return refusal != 0 ? refusal : err;
}

static void fail(struct tpm *t, int err, uint32_t rc)
{
	err = client_error(t, err, &rc);
	if (work.running != work.op) {
		fact_error.err = err;
		fact_error.rc = rc;
	}
	finish(t, err, rc);
}

static void succeed(void)
{
	if (work.running == work.op) {
		work.op = NULL;
	} else {
		fact_error.err = 0;
		fact_error.rc = 0;
	}
}

static void operation_done(struct tpm *t, uint64_t now)
{
	bool stale;
	uint32_t rc;
	int r = job_outcome(t, &rc, &stale);
	bool reopens = job_dirty();

	work.state = WORK_OPERATION_NEXT;
	if (r == 0) {
		succeed();
	} else if (!work.abandoned && !second_chance_after_error(t, r, rc, stale, &reopens)) {
		fail(t, r, rc);
	}
	if (reopens) {
		reopen(t, now, -ERR_TPM_RC);
	}
}

/* Begins the next operation. Returns false if there is none: the job is over. */
static bool begin_operation(struct tpm *t, uint64_t now)
{
	(void)ready_flush_is_due(t, now); /* jobs may follow each other without a pause */
	work.running = next_operation(t);
	if (work.running == NULL) {
		connect_recovered(t);
		finish(t, 0, 0);
		return false;
	}
	job_begin(t, work.running);
	work.state = WORK_OPERATION_RUNS;
	return true;
}

/* Returns false if there is nothing to do but wait. */
static bool run_operation(struct tpm *t, uint64_t now, bool event)
{
	enum job_state state = job_run(t, now, event);

	if (t->answered && work.client_waits) {
		work.op = NULL;
		publish(t, 0, 0);
	}
	switch (state) {
	case JOB_RUNNING:
		return false;
	case JOB_BROKEN:
		work.state = WORK_OPERATION_NEXT;
		reopen(t, now, job_fault());
		return true;
	case JOB_DONE:
		operation_done(t, now);
		return true;
	}
	return false;
}

void work_run(struct tpm *t, uint64_t now, bool event)
{
	while (work.state != WORK_IDLE && t->esys != NULL) {
		if (work.state == WORK_OPERATION_NEXT && !begin_operation(t, now)) {
			return;
		}
		if (!run_operation(t, now, event)) {
			return;
		}
		event = false;
	}
}

const struct tpm_result *work_result(const struct tpm *t)
{
	return work.has_result ? &t->result : NULL;
}

void work_forget(struct tpm *t)
{
	work.has_result = false;
	wipe(&t->result, sizeof t->result);
}

int work_fact_error(uint32_t *rc)
{
	*rc = fact_error.rc;
	return fact_error.err;
}
