#include "bounds.h"
#include "crypto/salt.h"
#include "err.h"
#include "port.h"
#include "tpm/aik.h"
#include "tpm/credential.h"
#include "tpm/ek.h"
#include "tpm/job.h"
#include "tpm/key.h"
#include "tpm/link.h"
#include "tpm/nv.h"
#include "tpm/orphan.h"
#include "tpm/rc.h"
#include "tpm/tpm.h"
#include "wire/text.h"
#include "wire/wipe.h"

static struct tpm tpm;

/* The job at work: a goal, reached by one operation after the other. */
static struct work {
	enum { IDLE, OPERATION_NEXT, OPERATION_RUNS } state;
	enum tpm_goal goal;
	bool own; /* nobody waits for it (any more) */
	bool rest; /* no more of these */
	bool reopened; /* the link broke under it once */
	bool refreshed; /* the identity was stale once */
	bool swept; /* the TPM was full once */
	bool ready; /* tpm.result is for tpm_result */
	uint32_t commands; /* link_commands() when it began */
} work;

/* When the link is closed: what to wait for. */
static struct {
	uint64_t grace_end;
	uint64_t reopen_at;
	unsigned failures; /* since something worked */
	int error; /* of the last attempt, or 0 */
	const char *found; /* the device that the log says was found, or NULL */
	int complaint; /* the last in the log, until something works */
} closed;

void tpm_init(uint64_t now, tpm_log_fn *log)
{
	tpm.log = log;
	tpm.ek_persistent = ESYS_TR_NONE;
	closed.grace_end = now + TPM_GRACE_MS;
	closed.reopen_at = now;
}

bool tpm_knows(enum tpm_goal goal)
{
	if (tpm.esys == NULL || !tpm.ek_proven || !tpm.cert_known) {
		return false;
	}
	return goal == TPM_EK || (goal == TPM_AIK && tpm.aik_known);
}

const struct identity *tpm_identity(void)
{
	return &tpm.id;
}

int tpm_outlook(uint64_t now)
{
	if (tpm.esys != NULL) {
		return 0;
	}
	if (now < closed.grace_end && closed.error != -ERR_TPM_VERSION) {
		return 0;
	}
	return closed.error != 0 ? closed.error : -ERR_TPM_UNAVAILABLE;
}

bool tpm_idle(void)
{
	return tpm.esys != NULL && work.state == IDLE;
}

static void begin(enum tpm_goal goal, bool own)
{
	work.state = OPERATION_NEXT;
	work.goal = goal;
	work.own = own;
	work.reopened = false;
	work.refreshed = false;
	work.swept = false;
	work.ready = false;
	work.commands = link_commands();
	tpm.activated = false;
}

void tpm_begin(enum tpm_goal goal, const struct credential *credential)
{
	assert(tpm_idle());
	if (credential != NULL) {
		tpm.credential = *credential;
	}
	begin(goal, false);
}

static void close_link(void)
{
	link_close();
	tpm.esys = NULL;
	tpm.ek_proven = false;
	tpm.ek_persistent = ESYS_TR_NONE;
}

/* Once, until something works: what does not is tried again and again. */
static void complain(int err, uint32_t rc)
{
	if (err != closed.complaint) {
		closed.complaint = err;
		tpm.log(true, "TPM", err, rc);
	}
}

static void log_device(const char *device)
{
	char line[128];
	struct text t = text_in(line, sizeof line - 1);

	text_str(&t, "TPM found: ");
	text_str(&t, device);
	line[t.len] = '\0';
	tpm.log(false, line, 0, 0);
}

static void works(void)
{
	closed.failures = 0;
	if (closed.complaint != 0) {
		closed.complaint = 0;
		tpm.log(false, "TPM works again", 0, 0);
	}
}

/* What the system says of the TPM holds until it is asked again. */
static bool is_verdict(int fault)
{
	return fault == -ERR_TPM_VERSION || fault == -ERR_TPM_DENIED || fault == -ERR_TPM_BLOCKED ||
	       fault == -ERR_TPM_SERVICE;
}

/* The pause to make now. Each is twice the last; after a minute it is a long one. */
static uint32_t longer_pause(void)
{
	unsigned n = closed.failures++;

	static_assert(TPM_REOPEN_MIN_MS << 5 > TPM_REOPEN_MAX_MS, "five are shorter");
	return n < 5                  ? TPM_REOPEN_MIN_MS << n
	       : n < TPM_REOPEN_COUNT ? TPM_REOPEN_MAX_MS
				      : TPM_REOPEN_LATE_MS;
}

/* A device that takes its time to say no is asked less often. */
static bool open_link(uint64_t now)
{
	const char *device;
	uint64_t after;
	uint64_t pause;
	int r = link_open(&device);

	if (r == 0) {
		tpm.esys = link_esys();
		tpm.sweep = port_tpm_is_bare() ? SWEEP_OURS : SWEEP_NOTHING;
		if (closed.found != device) {
			closed.found = device;
			log_device(device);
		}
		closed.error = 0;
		closed.grace_end = 0;
		return true;
	}
	closed.found = NULL;
	complain(r, 0);
	after = port_now_ms();
	pause = longer_pause();
	closed.error = r;
	closed.reopen_at = after + (pause > 10 * (after - now) ? pause : 10 * (after - now));
	return false;
}

/* The outcome is known; what is left to do is nobody's business but ours. */
static void publish(int err, uint32_t rc)
{
	rc = rc_is_tpm(rc) ? rc : 0;
	wipe(&tpm.credential, sizeof tpm.credential);
	if (!work.own) {
		tpm.result.err = err;
		tpm.result.rc = rc;
		tpm.result.commands = link_commands() - work.commands;
		work.ready = true;
		work.own = true;
	} else if (err != 0) {
		complain(err, rc);
	}
}

static void finish(int err, uint32_t rc)
{
	publish(err, rc);
	work.state = IDLE;
}

/* Ends the job, if there is one: there is no link for it. */
static void give_up(int err)
{
	if (work.state != IDLE) {
		finish(err, 0);
	}
}

/* What is still to be done for the goal; NULL if it is reached. */
static const struct operation *next_operation(void)
{
	if (tpm.sweep != SWEEP_NOTHING) {
		return &orphan_operation;
	}
	if (!tpm.ek_proven) {
		return &ek_operation;
	}
	if (!tpm.cert_known) {
		return &nv_operation;
	}
	if (work.goal >= TPM_AIK && (!tpm.aik_known || tpm.aik_saved == NULL)) {
		return &aik_operation;
	}
	if (work.goal == TPM_ACTIVATE && !tpm.activated) {
		return &credential_operation;
	}
	return NULL;
}

/* The link is of no use any more. The job, if it is not over, is tried once
 * more on a new one: all that it does can be repeated. */
static void reopen(uint64_t now, int fault)
{
	close_link();
	closed.error = is_verdict(fault) ? fault : -ERR_TPM_UNAVAILABLE;
	closed.reopen_at = now + longer_pause();
	complain(fault, 0);
	if (work.reopened || fault == -ERR_TPM_TIMEOUT || fault == -ERR_MEMORY) {
		give_up(fault);
		return;
	}
	work.reopened = true;
	if (!open_link(now)) {
		give_up(closed.error);
	}
}

/* There is no slot left: perhaps some are held by nobody, once in a job. */
static bool sweep(void)
{
	if (work.swept || !port_tpm_is_bare()) {
		return false;
	}
	work.swept = true;
	tpm.sweep = SWEEP_FRESH;
	return true;
}

/* The keys are not what they were: they are found anew, once in a job. */
static bool refresh(void)
{
	if (work.refreshed) {
		return false;
	}
	work.refreshed = true;
	tpm.ek_proven = false;
	if (tpm.ek_persistent != ESYS_TR_NONE) {
		Esys_TR_Close(tpm.esys, &tpm.ek_persistent);
	}
	key_drop(&tpm.aik_saved);
	return true;
}

static void operation_done(uint64_t now)
{
	bool stale;
	uint32_t rc;
	int r = job_outcome(&tpm, &rc, &stale);

	work.state = OPERATION_NEXT;
	if (r != 0 && !(stale && refresh()) && !(r == -ERR_TPM_FULL && sweep())) {
		finish(r, rc);
	}
	if (job_dirty()) {
		reopen(now, -ERR_TPM_RC);
	}
}

/* One turn: starts the next operation, or moves on the one that runs. Returns
 * false if there is nothing to do but wait. */
static bool turn(uint64_t now, bool event)
{
	enum job_state state;

	if (work.state == OPERATION_NEXT) {
		const struct operation *op = work.own && work.rest ? NULL : next_operation();

		if (op == NULL) {
			works();
			finish(0, 0);
			return true;
		}
		job_begin(&tpm, op);
		work.state = OPERATION_RUNS;
	}
	state = job_run(&tpm, now, event);
	if (tpm.activated && !work.own) {
		publish(0, 0); /* the client need not wait for the clean-up */
	}
	switch (state) {
	case JOB_RUNNING:
		return false;
	case JOB_BROKEN:
		work.state = OPERATION_NEXT;
		reopen(now, job_fault());
		return true;
	case JOB_DONE:
		operation_done(now);
		return true;
	}
	return false;
}

void tpm_run(uint64_t now, bool event)
{
	if (now >= closed.grace_end) {
		closed.grace_end = 0;
	}
	if (tpm.esys == NULL) {
		if (now < closed.reopen_at) {
			return;
		}
		if (!open_link(now)) {
			give_up(closed.error);
			return;
		}
		if (work.state == IDLE && !work.rest) {
			begin(TPM_AIK, true);
		}
	}
	while (work.state != IDLE && tpm.esys != NULL && turn(now, event)) {
		event = false;
	}
}

const struct tpm_result *tpm_result(void)
{
	return work.ready ? &tpm.result : NULL;
}

void tpm_forget(void)
{
	work.ready = false;
	wipe(&tpm.result, sizeof tpm.result);
}

uint64_t tpm_deadline(void)
{
	if (tpm.esys == NULL) {
		return closed.grace_end != 0 && closed.grace_end < closed.reopen_at
			       ? closed.grace_end
			       : closed.reopen_at;
	}
	return work.state == IDLE ? PORT_NEVER : job_deadline();
}

bool tpm_rest(void)
{
	work.rest = true;
	return tpm.esys == NULL || work.state == IDLE;
}

void tpm_close(void)
{
	close_link();
	key_drop(&tpm.ek_saved);
	key_drop(&tpm.aik_saved);
	salt_wipe();
	wipe(&tpm, sizeof tpm);
}
