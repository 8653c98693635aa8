/* src/tpm/tpm.c, with connect.c and work.c: how often a TPM that is not there is looked for, which
 * errors are reported, and what is wiped. */
#include "fake_jobs.h"

/* Each is twice as long as the last, up to a second; after a minute it is ten seconds. */
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

	/* It comes back and goes away again: the pauses are short again. */
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

#define WANTED (FACT_CERT | FACT_AIK_ECC)

static void is_fact_error(int err, uint32_t rc)
{
	uint32_t said = 0xdead;

	assert_int_equal(tpm_fact_error(WANTED, now, &said), err);
	assert_int_equal(said, rc);
}

/* The error of a fact's finder is reported until that fact is found. Errors of a client's own
 * operation, or of other facts, are not. */
static void fact_errors_last_until_the_fact_is_found(void **state)
{
	uint32_t rc;

	(void)state;
	is_fact_error(0, 0);
	failing = &activate_operation;
	fail_times = 1;
	assert_int_equal(job(WANTED, &activate_operation, "c"), -ERR_TPM_FULL);
	is_fact_error(0, 0);
	failing = &aik_rsa_operation;
	fail_times = 1;
	assert_int_equal(job(FACT_AIK_RSA, NULL, "r"), -ERR_TPM_FULL);
	is_fact_error(0, 0);
	assert_int_equal(tpm_fact_error(FACT_AIK_RSA, now, &rc), -ERR_TPM_FULL);
	assert_int_equal(rc, FULL);
	assert_int_equal(job(FACT_AIK_RSA, NULL, "r"), 0);
	assert_int_equal(tpm_fact_error(FACT_AIK_RSA, now, &rc), 0);

	/* The same after a new start. */
	tpm_close();
	failing = &ek_operation;
	fail_times = 2;
	fail_error = -ERR_TPM_HIERARCHY;
	fail_rc = 0x185;
	tpm_init(now, TPM_GRACE_MS, log_nothing);
	trace[0] = '\0';
	tpm_run(now, false);
	assert_string_equal(trace, "ie");
	is_fact_error(-ERR_TPM_HIERARCHY, 0x185);
	assert_int_equal(job(WANTED, NULL, "e"), -ERR_TPM_HIERARCHY);
	is_fact_error(-ERR_TPM_HIERARCHY, 0x185);
	assert_int_equal(job(FACT_CERT, NULL, "en"), 0);
	is_fact_error(0, 0); /* the AIK was not looked for since */
	assert_int_equal(job(WANTED, NULL, "a"), 0);
	is_fact_error(0, 0);
}

/* While the link is closed, the last attempt's error is reported, in the grace time too. Before
 * the first attempt there is none, until the grace time is over. */
static void a_closed_link_has_an_error(void **state)
{
	(void)state;
	tpm_close();
	tpm_init(now, TPM_GRACE_MS, log_nothing);
	is_fact_error(0, 0);
	now += TPM_GRACE_MS - 1;
	is_fact_error(0, 0);
	now++;
	is_fact_error(-ERR_TPM_UNAVAILABLE, 0);
	now = START;
	open_error = -ERR_TPM_DENIED;
	tpm_run(now, false);
	is_fact_error(-ERR_TPM_DENIED, 0);
	now += TPM_GRACE_MS;
	open_error = -ERR_TPM_VERSION;
	tpm_run(now, false);
	is_fact_error(-ERR_TPM_VERSION, 0);
	open_error = 0;
	now = tpm_deadline();
	tpm_run(now, false);
	is_fact_error(0, 0);
}

/* If the system has blocked a command, that is the system's error. If the TPM does not know it,
 * it is the TPM's. */
static void a_refusal_of_the_systems_is_not_the_tpms(void **state)
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

/* A request's parameters are wiped when its job is over, also after a failure. Its result,
 * whole or in part, is wiped when the reply has been written. */
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
		cmocka_unit_test_setup_teardown(fact_errors_last_until_the_fact_is_found,
						settle_shared, clean),
		cmocka_unit_test_setup_teardown(a_closed_link_has_an_error, settle_shared, clean),
		cmocka_unit_test_setup_teardown(a_refusal_of_the_systems_is_not_the_tpms,
						settle_shared, clean),
		cmocka_unit_test_setup_teardown(nothing_is_left_of_a_request, settle_shared, clean),
	};

	return cmocka_run_group_tests_name("tpm", tests, NULL, NULL);
}
