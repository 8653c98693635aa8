#include "bounds.h"
#include "crypto/salt.h"
#include "err.h"
#include "port.h"
#include "tpm/aik.h"
#include "tpm/cert.h"
#include "tpm/chain.h"
#include "tpm/connect.h"
#include "tpm/ek.h"
#include "tpm/info.h"
#include "tpm/job.h"
#include "tpm/primary_key.h"
#include "tpm/link.h"
#include "tpm/flush_stale.h"
#include "tpm/response_code.h"
#include "tpm/ready_session.h"
#include "tpm/session.h"
#include "tpm/tpm.h"
#include "base/wipe.h"

static struct tpm tpm;

/* What finds a fact, and the facts that it needs: those stand before it. */
static const struct finder {
	unsigned gives, needs;
	const struct operation *op;
} finders[] = {
	{FACT_CLEAN, 0, &flush_stale_operation},
	{FACT_INFO, FACT_CLEAN, &info_operation},
	{FACT_EK, FACT_CLEAN | FACT_INFO, &ek_operation},
	{FACT_CERT, FACT_EK | FACT_INFO, &cert_operation},
	{FACT_CHAIN, FACT_EK | FACT_INFO, &chain_operation},
	{FACT_AIK_ECC, FACT_EK, &aik_ecc_operation},
	{FACT_AIK_RSA, FACT_EK, &aik_rsa_operation},
};
#define FINDERS (sizeof finders / sizeof *finders)

/* The job at work: facts, found by one operation after the other, and then an
 * operation of its own, if it has one. */
static struct work {
	enum { IDLE, OPERATION_NEXT, OPERATION_RUNS } state;
	unsigned facts;
	const struct operation *op; /* its own, or NULL: there is none, or it is over */
	const struct operation *running;
	bool looks; /* own: for what replies went without; gives way to who waits */
	unsigned looked; /* ... FACT_ bits: for what it has been */
	bool cut; /* it has given way: nothing is left of it but the clean-up */
	bool own; /* nobody waits for it (any more) */
	bool winding_down; /* begins no more of these */
	bool reopened; /* the link broke under it once */
	bool refreshed; /* the identity was stale once */
	bool renewed; /* endorsementAuth was another once */
	bool swept; /* the TPM was full once */
	bool ready; /* tpm.result is for tpm_result */
	uint32_t commands; /* link_commands() when it began */
} work;

/* Why the last fact that was looked for was not found; err is 0 if it was. */
static struct trouble {
	int err;
	uint32_t rc;
} trouble;

void tpm_init(uint64_t now, uint32_t grace_ms, tpm_log_fn *log)
{
	key_init(&tpm);
	ready_none(&tpm);
	tpm.log = log;
	connect_init(now, grace_ms);
}

bool tpm_knows(unsigned facts)
{
	facts |= FACT_EK;
	return tpm.esys != NULL && (tpm.facts & facts) == facts;
}

const struct identity *tpm_identity(void)
{
	return &tpm.id;
}

int tpm_fact_error(unsigned facts, uint64_t now, uint32_t *rc)
{
	*rc = 0;
	if (tpm_knows(facts)) {
		return 0;
	}
	if (tpm.esys == NULL) {
		return connect_error(now);
	}
	*rc = trouble.rc;
	return trouble.err;
}

const char *tpm_device(void)
{
	return connect_device();
}

uint32_t tpm_commands(void)
{
	return link_commands();
}

int tpm_wait_error(uint64_t now)
{
	return connect_wait_error(&tpm, now);
}

bool tpm_idle(void)
{
	return tpm.esys != NULL && work.state == IDLE;
}

static void begin(unsigned facts, const struct operation *op, bool own)
{
	work.state = OPERATION_NEXT;
	work.facts = facts;
	work.op = op;
	work.own = own;
	work.looks = false;
	work.cut = false;
	work.reopened = false;
	work.refreshed = false;
	work.renewed = false;
	work.swept = false;
	work.ready = false;
	work.commands = link_commands();
	tpm.answered = false;
	tpm.ready.taken = false;
}

void tpm_begin(unsigned facts, const struct operation *op, const struct request_params *params)
{
	assert(tpm_idle());
	tpm.params = *params;
	begin(facts, op, false);
}

void tpm_look_again(void)
{
	assert(tpm_idle());
	if (tpm.id.manufacturer == 0) {
		tpm.facts &= ~(unsigned)FACT_INFO; /* this time the TPM may say */
	}
	begin(FACT_EK | FACT_INFO, NULL, true);
	work.looks = true;
	work.looked = 0;
}

void tpm_expect_activation(uint64_t now)
{
	ready_expect(&tpm, now);
}

/* What a look does next, each once: nothing that is known is lost by it meanwhile. */
static const struct operation *next_look(void)
{
	for (unsigned k = KEY_AIK_ECC; k < KEYS; k++) {
		unsigned fact = FACT_OF_AIK(k);

		if (tpm.id.keys[k].created.attest_len == 0 && (tpm.facts & ~work.looked & fact)) {
			work.looked |= fact;
			tpm.params.aik = (enum key_index)k;
			return &aik_certify_operation;
		}
	}
	if (tpm.id.ek_cert_len == 0 && !(work.looked & FACT_CERT)) {
		work.looked |= FACT_CERT;
		return &cert_operation;
	}
	return NULL;
}

static void cut(void)
{
	if (work.state != IDLE && !work.cut) {
		work.cut = true;
		job_abandon();
	}
}

void tpm_give_way(void)
{
	if (work.looks) {
		cut();
	}
}

/* The outcome is known; what is left to do is nobody's business but ours. */
static void publish(int err, uint32_t rc)
{
	wipe(&tpm.params, sizeof tpm.params);
	if (!work.own) {
		tpm.result.err = err;
		tpm.result.rc = rc;
		tpm.result.commands = link_commands() - work.commands;
		work.ready = true;
		work.own = true;
	} else if (err != 0) {
		connect_complain(&tpm, err, rc);
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

/* What is to be done next: the first fact that is wanted, or needed for one
 * that is, and not known; then the job's own operation. NULL: all is done. But
 * a session that is ready for nobody any more takes the TPM's room meanwhile. */
static const struct operation *next_operation(void)
{
	unsigned wanted = work.facts;

	if (tpm.ready.to_flush) {
		return &ready_flush_operation;
	}
	if (work.cut || (work.own && work.winding_down)) {
		return NULL;
	}
	for (size_t i = FINDERS; i-- > 0;) {
		wanted |= (wanted & finders[i].gives) ? finders[i].needs : 0;
	}
	for (size_t i = 0; i < FINDERS; i++) {
		if (wanted & finders[i].gives & ~tpm.facts) {
			return finders[i].op;
		}
	}
	if (work.looks && work.op == NULL) {
		work.op = next_look();
	}
	return work.op;
}

/* The link is of no use any more. The job, if it is not over, is tried once
 * more on a new one: all that it does can be repeated. */
static void reopen(uint64_t now, int fault)
{
	int r;

	connect_lost(&tpm, now, fault);
	if (work.reopened || fault == -ERR_TPM_TIMEOUT || fault == -ERR_MEMORY) {
		give_up(fault);
		return;
	}
	work.reopened = true;
	r = connect_open(&tpm, now);
	if (r != 0) {
		give_up(r);
	}
}

/* There is no slot left: perhaps some are held by nobody, once in a job. */
static bool sweep(void)
{
	if (work.swept || !port_tpm_is_bare()) {
		return false;
	}
	work.swept = true;
	tpm.flush_fresh_sessions = true;
	tpm.facts &= ~(unsigned)FACT_CLEAN;
	return true;
}

/* The keys are not what they were: they are found anew, once in a job. Those
 * that stay loaded go with the link, which is then no break of it: a TPM may be
 * reset just when the job is tried again after one. */
static bool refresh(bool *reopens)
{
	if (work.refreshed) {
		return false;
	}
	work.refreshed = true;
	if (port_tpm_holds_keys()) {
		*reopens = true;
		work.reopened = false;
	}
	tpm.facts &= ~(unsigned)(FACT_EK | FACT_AIKS);
	return true;
}

/* The hierarchy's authorisation may have been changed meanwhile, once in a job. */
static bool renew(void)
{
	if (work.renewed) {
		return false;
	}
	work.renewed = true;
	return session_renew(&tpm);
}

/* Can the job go on after this error, by another way than before? */
static bool is_mended(int err, TSS2_RC rc, bool stale, bool *reopens)
{
	bool full = err == -ERR_TPM_FULL || err == -ERR_TPM_GAP;

	/* A session that waits is of no use, or in the way. */
	return ready_was_to_blame(&tpm, err, rc) || (ready_give_up(&tpm) && full) ||
	       ((stale || rc_is_once_more(rc)) && refresh(reopens)) || (full && sweep()) ||
	       (err == -ERR_TPM_AUTH && renew());
}

/* Nothing helps. Who asks how the TPM is hears of it, unless it is the client's
 * own doing. */
static void fail(int err, uint32_t rc, bool is_own)
{
	if (!is_own) {
		trouble.err = err;
		trouble.rc = rc;
	}
	finish(err, rc);
}

/* Some errors have another name, by what is known beside their code; which is then
 * not the TPM's answer, so that nobody is told of it. */
static int rename_error(int err, uint32_t *rc)
{
	int refusal = rc_tpm(*rc) == TPM2_RC_COMMAND_CODE ? port_tpm_refusal() : 0;

	*rc = rc_is_tpm(*rc) && refusal == 0 ? *rc : 0;
	if (err == -ERR_TPM_AUTH && tpm.auth.error == -ERR_TPM_DENIED) {
		return -ERR_TPM_DENIED;
	}
	return refusal != 0 ? refusal : err;
}

static void operation_done(uint64_t now)
{
	bool stale;
	uint32_t rc;
	int r = job_outcome(&tpm, &rc, &stale);
	bool reopens = job_dirty();
	bool is_own = work.running == work.op;

	work.state = OPERATION_NEXT;
	if (r == 0 && is_own) {
		work.op = NULL;
	}
	if (r == 0 && !is_own) {
		trouble = (struct trouble){0, 0};
	}
	if (r != 0 && !work.cut && !is_mended(r, rc, stale, &reopens)) {
		r = rename_error(r, &rc);
		fail(r, rc, is_own);
	}
	if (reopens) {
		reopen(now, -ERR_TPM_RC);
	}
}

/* One turn: starts the next operation, or moves on the one that runs. Returns
 * false if there is nothing to do but wait. */
static bool turn(uint64_t now, bool event)
{
	enum job_state state;

	if (work.state == OPERATION_NEXT) {
		(void)ready_expire(&tpm, now); /* there may always be somebody who waits */
		work.running = next_operation();
		if (work.running == NULL) {
			connect_recovered(&tpm);
			finish(0, 0);
			return true;
		}
		job_begin(&tpm, work.running);
		work.state = OPERATION_RUNS;
	}
	state = job_run(&tpm, now, event);
	if (tpm.answered && !work.own) {
		work.op = NULL;
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

/* Nobody waits: makes a session that somebody may come for, or flushes the one that
 * nobody came for. */
static void begin_ahead(uint64_t now)
{
	if (ready_expire(&tpm, work.winding_down ? PORT_NEVER : now)) {
		begin(0, NULL, true);
	} else if (!work.winding_down && ready_begin(&tpm, now)) {
		begin(FACT_EK, &ready_make_operation, true);
	}
}

void tpm_run(uint64_t now, bool event)
{
	if (tpm.esys == NULL) {
		int r;

		if (!connect_is_due(now)) {
			return;
		}
		r = connect_open(&tpm, now);
		if (r != 0) {
			give_up(r);
			return;
		}
		if (work.state == IDLE && !work.winding_down) {
			begin(FACT_CERT | FACT_AIK_ECC, NULL, true);
		}
	}
	if (work.state == IDLE) {
		begin_ahead(now);
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
		return connect_deadline();
	}
	if (work.state != IDLE) {
		return job_deadline();
	}
	if (work.winding_down) {
		return tpm.ready.session == ESYS_TR_NONE ? PORT_NEVER : 0;
	}
	return ready_deadline(&tpm);
}

bool tpm_wind_down(void)
{
	work.winding_down = true;
	if (work.op == &ready_make_operation) {
		cut();
	}
	return tpm.esys == NULL || (work.state == IDLE && tpm.ready.session == ESYS_TR_NONE);
}

void tpm_close(void)
{
	connect_close(&tpm);
	for (unsigned k = 0; k < KEYS; k++) {
		key_drop(&tpm.keys[k]);
	}
	salt_wipe();
	wipe(&tpm, sizeof tpm);
}
