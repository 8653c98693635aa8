/*
 * What src/tpm/tpm.c, work.c and own_jobs.c are linked with: a link that opens or fails, and
 * a job engine whose operations succeed at once, or fail as the test says. Each operation
 * leaves a letter in the trace:
 *
 *   1 2     flush_stale_operation; 2: unused sessions too
 *   i e n h the finders of FACT_INFO, FACT_EK, FACT_CERT, FACT_CHAIN
 *   a r     the finders of FACT_AIK_ECC, FACT_AIK_RSA
 *   A R     aik_certify_operation of these
 *   s f     the session that is ready: ready_make_operation, ready_flush_operation
 *   c       the job's own operation
 *   !       job_abandon
 */
#ifndef TESTS_FAKE_JOBS_H
#define TESTS_FAKE_JOBS_H

#include "unit.h"

#include <tss2/tss2_esys.h>

#include "crypto/salt.h"
#include "err.h"
#include "port.h"
#include "tpm/aik.h"
#include "tpm/cert.h"
#include "tpm/chain.h"
#include "tpm/ek.h"
#include "tpm/flush_stale.h"
#include "tpm/info.h"
#include "tpm/link.h"
#include "tpm/primary_key.h"
#include "tpm/ready_session.h"
#include "tpm/session.h"
#include "tpm/tpm.h"

#define FULL TPM2_RC_OBJECT_MEMORY
#define START 1000U

const struct operation ek_operation, info_operation, cert_operation, chain_operation,
	aik_ecc_operation, aik_rsa_operation, aik_certify_operation, activate_operation,
	flush_stale_operation;

static uint64_t now;
static int open_error;
static unsigned opened;
static bool bare;
static bool renews; /* endorsementAuth has changed */
static struct tpm *the_tpm;
static const struct operation *running;
static const struct request_params params;
static char trace[256];
/* This operation fails so many times: by default because the TPM is full. */
static const struct operation *failing;
static unsigned fail_times;
static int fail_error;
static uint32_t fail_rc;
static bool fail_stale;
static bool lockout; /* AIKs do not sign how they were created */
static int refusal; /* port_tpm_refusal's */

/* ---- the link and the port ---------------------------------------------- */

uint64_t port_now_ms(void)
{
	return now;
}

bool port_tpm_is_bare(void)
{
	return bare;
}

int link_open(const char **device)
{
	*device = "/dev/fake";
	opened++;
	return open_error;
}

void link_close(void)
{
}

ESYS_CONTEXT *link_esys(void)
{
	return (ESYS_CONTEXT *)(void *)&now;
}

uint32_t link_commands(void)
{
	return 0;
}

int port_tpm_refusal(void)
{
	return refusal;
}

bool port_tpm_holds_keys(void)
{
	return false;
}

void session_open(struct tpm *t)
{
	(void)t;
}

bool session_renew(struct tpm *t)
{
	(void)t;
	return renews;
}

void session_close(struct tpm *t)
{
	(void)t;
}

void salt_wipe(void)
{
}

void key_init(struct tpm *t)
{
	t->keys[KEY_EK].persistent = ESYS_TR_NONE;
}

void key_drop(struct key *key)
{
	key->saved = NULL;
}

TSS2_RC Esys_TR_Close(ESYS_CONTEXT *esys, ESYS_TR *object)
{
	(void)esys;
	*object = ESYS_TR_NONE;
	return TSS2_RC_SUCCESS;
}

/* ---- operations: no step is ever taken, because job.c is not here ------- */
#define STEP(name)                      \
	TSS2_RC name(struct tpm *t)     \
	{                               \
		(void)t;                \
		return TSS2_RC_SUCCESS; \
	}
STEP(key_load_start)
STEP(key_load_finish)
STEP(session_policy_start)
STEP(session_policy_finish)
STEP(session_auth_start)
STEP(session_auth_finish)
STEP(session_secret_start)
STEP(session_secret_finish)

void job_begin(struct tpm *t, const struct operation *op)
{
	const char letter[] = {
		op == &info_operation          ? 'i'
		: op == &ek_operation          ? 'e'
		: op == &cert_operation        ? 'n'
		: op == &chain_operation       ? 'h'
		: op == &aik_ecc_operation     ? 'a'
		: op == &aik_certify_operation ? (t->params.aik == KEY_AIK_RSA ? 'R' : 'A')
		: op == &aik_rsa_operation     ? 'r'
		: op == &ready_make_operation  ? 's'
		: op == &ready_flush_operation ? 'f'
		: op == &flush_stale_operation ? (char)(t->flush_fresh_sessions ? '2' : '1')
					       : 'c',
		'\0'};

	assert_true(strlen(trace) + 2 < sizeof trace);
	strcat(trace, letter);
	the_tpm = t;
	running = op;
}

enum job_state job_run(struct tpm *t, uint64_t when, bool event)
{
	(void)t;
	(void)when;
	(void)event;
	return JOB_DONE;
}

int job_outcome(struct tpm *t, uint32_t *rc, bool *stale)
{
	*stale = false;
	*rc = 0;
	if (running == failing && fail_times > 0) {
		fail_times--;
		*stale = fail_stale;
		*rc = fail_rc;
		return fail_error;
	}
	t->facts |= running == &info_operation          ? FACT_INFO
		    : running == &ek_operation          ? FACT_EK
		    : running == &cert_operation        ? FACT_CERT
		    : running == &chain_operation       ? FACT_CHAIN
		    : running == &aik_ecc_operation     ? FACT_AIK_ECC
		    : running == &aik_rsa_operation     ? FACT_AIK_RSA
		    : running == &flush_stale_operation ? FACT_CLEAN
							: 0;
	if (running == &aik_ecc_operation || running == &aik_rsa_operation ||
	    running == &aik_certify_operation) {
		enum key_index aik = running == &aik_certify_operation ? t->params.aik
				     : running == &aik_rsa_operation   ? KEY_AIK_RSA
								       : KEY_AIK_ECC;

		t->id.keys[aik].created.attest_len = lockout ? 0 : 100;
	}
	t->flush_fresh_sessions = false;
	return 0;
}

void job_abandon(void)
{
	strcat(trace, "!");
}

bool job_dirty(void)
{
	return false;
}

int job_fault(void)
{
	return 0;
}

uint64_t job_deadline(void)
{
	return PORT_NEVER;
}

static void log_nothing(bool warning, const char *what, int err, uint32_t rc)
{
	(void)warning;
	(void)what;
	(void)err;
	(void)rc;
}

/* ---- what the tests do -------------------------------------------------- */

/* The link is open, and the identity is known. */
static int settle(void **state)
{
	(void)state;
	now = START;
	open_error = 0;
	fail_times = 0;
	fail_error = -ERR_TPM_FULL;
	fail_rc = FULL;
	fail_stale = false;
	lockout = false;
	tpm_init(now, TPM_GRACE_MS, log_nothing);
	tpm_run(now, false);
	assert_true(tpm_idle());
	trace[0] = '\0';
	return 0;
}

static inline int clean(void **state)
{
	(void)state;
	tpm_forget();
	tpm_close();
	return 0;
}

static inline int settle_bare(void **state)
{
	bare = true;
	return settle(state);
}

static inline int settle_shared(void **state)
{
	bare = false;
	return settle(state);
}

/* Runs a client's job to its end: it takes these operations. Returns its error. */
static inline int job(unsigned facts, const struct operation *op, const char *want)
{
	int err;

	trace[0] = '\0';
	tpm_begin(facts, op, &params);
	tpm_run(now, false);
	assert_string_equal(trace, want);
	assert_non_null(tpm_result());
	err = tpm_result()->err;
	tpm_forget();
	assert_true(tpm_idle());
	return err;
}

#endif
