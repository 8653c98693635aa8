/* src/tpm/tpm.c: how often a TPM that is gone is looked for, what is done about a full one,
 * in which order facts are found, and why they are not. */
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

#define FULL 0x902U
#define START 1000U

const struct operation ek_operation, info_operation, cert_operation, chain_operation,
	aik_ecc_operation, aik_rsa_operation, aik_certify_operation, activate_operation,
	flush_stale_operation;

static uint64_t now;
static int open_error;
static unsigned opened;
static bool bare;
static bool renews; /* endorsementAuth is another one */
static struct tpm *the_tpm;
static const struct operation *running;
static const struct request_params params;
static char trace
	[256]; /* the operations: i e n a r h, c its own, and 1 or 2 with the level of the sweep */
/* What comes of this operation, so often: no slot, if no more is said. */
static const struct operation *failing;
static unsigned fail_times;
static int fail_error;
static uint32_t fail_rc;
static bool fail_stale;
static bool lockout; /* AIKs sign nothing */
static int refusal; /* port_tpm_refusal's */

/* ---- what tpm.c is linked with ----------------------------------------- */

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

/* No step is ever taken: job.c is not here. */
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

/* ---- the tests ---------------------------------------------------------- */

/* A link that is open, an identity that is known. */
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

static int clean(void **state)
{
	(void)state;
	tpm_forget();
	tpm_close();
	return 0;
}

static int settle_bare(void **state)
{
	bare = true;
	return settle(state);
}

static int settle_shared(void **state)
{
	bare = false;
	return settle(state);
}

/* Doubled up to a second, for a minute; then ten. */
static void the_pauses_of_a_tpm_that_stays_away(void **state)
{
	uint64_t last = 0;
	unsigned attempts = 0;

	(void)state;
	now = START;
	open_error = -ERR_TPM_UNAVAILABLE;
	tpm_init(now, TPM_GRACE_MS, log_nothing);
	for (opened = 0; now < START + 300000; now++) {
		unsigned before = opened;

		tpm_run(now, false);
		if (opened == before) {
			continue;
		}
		if (++attempts > 1 && now < START + 60000) {
			uint64_t pause = now - last;

			assert_int_equal(pause, attempts < 7 ? 50U << (attempts - 2) : 1000);
		} else if (now > START + 75000) {
			assert_int_equal(now - last, 10000);
		}
		last = now;
	}
	assert_in_range(attempts, 80, 90);

	/* It comes back, and goes again: as at first. */
	open_error = 0;
	now = tpm_deadline();
	tpm_run(now, false);
	assert_true(tpm_idle());
	tpm_close();
	open_error = -ERR_TPM_UNAVAILABLE;
	tpm_init(now, TPM_GRACE_MS, log_nothing);
	tpm_run(now, false);
	assert_int_equal(tpm_deadline(), now + 50);
}

/* What the dead left is flushed before anything else; only then. */
static void a_plain_device_is_swept_first(void **state)
{
	(void)state;
	now = START;
	open_error = 0;
	bare = true;
	trace[0] = '\0';
	tpm_init(now, TPM_GRACE_MS, log_nothing);
	tpm_run(now, false);
	assert_string_equal(trace, "1iena");
	trace[0] = '\0';
}

static void a_shared_device_is_never_swept(void **state)
{
	(void)state;
	failing = &activate_operation;
	fail_times = 1;
	tpm_begin(FACT_AIK_ECC, &activate_operation, &params);
	tpm_run(now, false);
	assert_int_equal(tpm_result()->err, -ERR_TPM_FULL);
	assert_int_equal(tpm_result()->rc, FULL);
	assert_string_equal(trace, "c");
}

static void when_full_new_sessions_give_way_once(void **state)
{
	(void)state;
	failing = &activate_operation;
	fail_times = 1;
	tpm_begin(FACT_AIK_ECC, &activate_operation, &params);
	tpm_run(now, false);
	assert_int_equal(tpm_result()->err, 0);
	assert_string_equal(trace, "c2c");
	tpm_forget();
	trace[0] = '\0';
	fail_times = 2;
	tpm_begin(FACT_AIK_ECC, &activate_operation, &params);
	tpm_run(now, false);
	assert_int_equal(tpm_result()->err, -ERR_TPM_FULL);
	assert_string_equal(trace, "c2c");
}

/* Runs a job to its end; what was done for it is this. */
static int job(unsigned facts, const struct operation *op, const char *want)
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

/* What is wanted and not known, in the finders' order, and then the job's own. */
static void what_is_not_known_is_found_in_order(void **state)
{
	(void)state;
	assert_int_equal(job(FACT_AIK_RSA | FACT_CHAIN, &activate_operation, "hrc"), 0);
	assert_int_equal(job(FACT_AIKS | FACT_CHAIN | FACT_CERT, NULL, ""), 0);
	/* Keys that are not what they were: of those, what the job is for. */
	failing = &activate_operation;
	fail_times = 1;
	fail_error = -ERR_TPM_RC;
	fail_stale = true;
	assert_int_equal(job(FACT_AIK_RSA, &activate_operation, "cerc"), 0);
	assert_false(tpm_knows(FACT_AIK_ECC));
	assert_true(tpm_knows(FACT_AIK_RSA | FACT_CHAIN | FACT_CERT));
	assert_int_equal(job(FACT_AIKS | FACT_CHAIN | FACT_CERT, &activate_operation, "ac"), 0);
	/* Once in a job. */
	fail_times = 2;
	assert_int_equal(job(FACT_AIK_ECC, &activate_operation, "ceac"), -ERR_TPM_RC);
	assert_int_equal(job(FACT_AIK_RSA, NULL, "r"), 0);
}

#define WANTED (FACT_CERT | FACT_AIK_ECC)

static void is_trouble(int err, uint32_t rc)
{
	uint32_t said = 0xdead;

	assert_int_equal(tpm_fact_error(WANTED, now, &said), err);
	assert_int_equal(said, rc);
}

/* Why a fact could not be found is told until it is; what a client's own operation met,
 * or another fact, is no trouble of those. */
static void what_stands_in_the_way_is_told(void **state)
{
	uint32_t rc;

	(void)state;
	is_trouble(0, 0);
	failing = &activate_operation;
	fail_times = 1;
	assert_int_equal(job(WANTED, &activate_operation, "c"), -ERR_TPM_FULL);
	is_trouble(0, 0);
	failing = &aik_rsa_operation;
	fail_times = 1;
	assert_int_equal(job(FACT_AIK_RSA, NULL, "r"), -ERR_TPM_FULL);
	is_trouble(0, 0);
	assert_int_equal(tpm_fact_error(FACT_AIK_RSA, now, &rc), -ERR_TPM_FULL);
	assert_int_equal(rc, FULL);
	assert_int_equal(job(FACT_AIK_RSA, NULL, "r"), 0);
	assert_int_equal(tpm_fact_error(FACT_AIK_RSA, now, &rc), 0);

	/* From the start. */
	tpm_close();
	failing = &ek_operation;
	fail_times = 2;
	fail_error = -ERR_TPM_HIERARCHY;
	fail_rc = 0x185;
	tpm_init(now, TPM_GRACE_MS, log_nothing);
	trace[0] = '\0';
	tpm_run(now, false);
	assert_string_equal(trace, "ie");
	is_trouble(-ERR_TPM_HIERARCHY, 0x185);
	assert_int_equal(job(WANTED, NULL, "e"), -ERR_TPM_HIERARCHY);
	is_trouble(-ERR_TPM_HIERARCHY, 0x185);
	assert_int_equal(job(FACT_CERT, NULL, "en"), 0);
	is_trouble(0, 0); /* nothing is known to be in the AIK's way */
	assert_int_equal(job(WANTED, NULL, "a"), 0);
	is_trouble(0, 0);
}

/* Before anything was tried nothing is known; what the last attempt met is told, in the
 * grace time too; and when that is over without one, there is no TPM. */
static void a_closed_link_is_trouble(void **state)
{
	(void)state;
	tpm_close();
	tpm_init(now, TPM_GRACE_MS, log_nothing);
	is_trouble(0, 0);
	now += TPM_GRACE_MS - 1;
	is_trouble(0, 0);
	now++;
	is_trouble(-ERR_TPM_UNAVAILABLE, 0);
	now = START;
	open_error = -ERR_TPM_DENIED;
	tpm_run(now, false);
	is_trouble(-ERR_TPM_DENIED, 0);
	now += TPM_GRACE_MS;
	open_error = -ERR_TPM_VERSION;
	tpm_run(now, false);
	is_trouble(-ERR_TPM_VERSION, 0);
	open_error = 0;
	now = tpm_deadline();
	tpm_run(now, false);
	is_trouble(0, 0);
}

/* A TPM in lockout lets no AIK say how it was made: that is made up for. */
static void what_the_aiks_did_not_sign_is_asked_for_again(void **state)
{
	(void)state;
	the_tpm->id.ek_cert_len = 1;
	the_tpm->id.manufacturer = 1;
	trace[0] = '\0';
	tpm_look_again();
	tpm_run(now, false);
	assert_string_equal(trace, ""); /* nothing is missing */
	lockout = true;
	assert_int_equal(job(FACT_AIK_RSA, NULL, "r"), 0);
	the_tpm->id.keys[KEY_AIK_ECC].created.attest_len = 0;
	trace[0] = '\0';
	tpm_look_again();
	assert_true(tpm_knows(FACT_AIKS)); /* who asks now is answered from memory */
	tpm_run(now, false);
	assert_string_equal(trace, "AR");
	lockout = false;
	tpm_look_again();
	tpm_run(now, false);
	assert_string_equal(trace, "ARAR");
	tpm_look_again();
	tpm_run(now, false);
	assert_string_equal(trace, "ARAR");
	/* With a certificate that is not there either, all in one look. */
	the_tpm->id.keys[KEY_AIK_RSA].created.attest_len = 0;
	the_tpm->id.ek_cert_len = 0;
	trace[0] = '\0';
	tpm_look_again();
	tpm_run(now, false);
	assert_string_equal(trace, "Rn");
	/* An AIK that nobody has asked for is not made for that. */
	the_tpm->facts &= ~(unsigned)FACT_AIK_RSA;
	the_tpm->id.keys[KEY_AIK_RSA].created.attest_len = 0;
	the_tpm->id.ek_cert_len = 0;
	trace[0] = '\0';
	tpm_look_again();
	tpm_run(now, false);
	assert_string_equal(trace, "n");
}

/* A command that the system did not let through is the system's error, not the
 * TPM's; what the TPM does not know is its own. */
static void who_refused(void **state)
{
	static const struct {
		TSS2_RC rc;
		int refusal, err;
		uint32_t told;
	} cases[] = {
		{TPM2_RC_COMMAND_CODE, -ERR_TPM_BLOCKED, -ERR_TPM_BLOCKED, 0},
		{TPM2_RC_COMMAND_CODE, -ERR_TPM_DENIED, -ERR_TPM_DENIED, 0},
		{TPM2_RC_COMMAND_CODE, 0, -ERR_TPM_RC, TPM2_RC_COMMAND_CODE},
		{TPM2_RC_FAILURE, -ERR_TPM_BLOCKED, -ERR_TPM_RC, TPM2_RC_FAILURE}, /* of before */
		{TSS2_RESMGR_TPM_RC_LAYER | TPM2_RC_COMMAND_CODE, 0, -ERR_TPM_RC,
		 TSS2_RESMGR_TPM_RC_LAYER | TPM2_RC_COMMAND_CODE},
	};

	(void)state;
	failing = &activate_operation;
	fail_error = -ERR_TPM_RC;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		fail_times = 1;
		fail_rc = cases[i].rc;
		refusal = cases[i].refusal;
		tpm_begin(FACT_AIK_ECC, &activate_operation, &params);
		tpm_run(now, false);
		assert_int_equal(tpm_result()->err, cases[i].err);
		assert_int_equal(tpm_result()->rc, cases[i].told);
		tpm_forget();
	}
	refusal = 0;
}

static bool all_are(uint8_t byte, const void *p, size_t n)
{
	const uint8_t *bytes = p;

	while (n > 0 && *bytes == byte) {
		bytes++;
		n--;
	}
	return n == 0;
}

/* What a request brought is wiped when its job is over, well or not; and what it was
 * answered, with what only a failure has left there, when the reply is written. */
static void nothing_is_left_of_a_request(void **state)
{
	static struct request_params brought;

	(void)state;
	memset(&brought, 0x5e, sizeof brought);
	for (unsigned fails = 0; fails < 2; fails++) {
		failing = &activate_operation;
		fail_times = fails;
		fail_error = -ERR_REJECTED;
		tpm_begin(FACT_AIK_ECC, &activate_operation, &brought);
		assert_true(all_are(0x5e, &the_tpm->params, sizeof brought));
		memset(&the_tpm->result, 0x5e, sizeof the_tpm->result);
		tpm_run(now, false);
		assert_int_equal(tpm_result()->err, fails == 0 ? 0 : -ERR_REJECTED);
		assert_true(all_are(0, &the_tpm->params, sizeof brought));
		assert_true(all_are(0x5e, the_tpm->result.secret, sizeof the_tpm->result.secret));
		tpm_forget();
		assert_true(all_are(0, &the_tpm->result, sizeof the_tpm->result));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_pauses_of_a_tpm_that_stays_away, clean),
		cmocka_unit_test_teardown(a_plain_device_is_swept_first, clean),
		cmocka_unit_test_setup_teardown(a_shared_device_is_never_swept, settle_shared,
						clean),
		cmocka_unit_test_setup_teardown(when_full_new_sessions_give_way_once, settle_bare,
						clean),
		cmocka_unit_test_setup_teardown(what_is_not_known_is_found_in_order, settle_shared,
						clean),
		cmocka_unit_test_setup_teardown(what_stands_in_the_way_is_told, settle_shared,
						clean),
		cmocka_unit_test_setup_teardown(a_closed_link_is_trouble, settle_shared, clean),
		cmocka_unit_test_setup_teardown(what_the_aiks_did_not_sign_is_asked_for_again,
						settle_shared, clean),
		cmocka_unit_test_setup_teardown(who_refused, settle_shared, clean),
		cmocka_unit_test_setup_teardown(nothing_is_left_of_a_request, settle_shared, clean),
	};

	return cmocka_run_group_tests_name("tpm", tests, NULL, NULL);
}
