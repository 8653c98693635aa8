/* src/tpm/work.c, facts.c, second_chance.c and own_jobs.c: which operations a job takes, what it
 * tries once more, and what attestd looks for again of its own accord. */
#include "fake_jobs.h"

/* What a dead predecessor has left loaded is flushed first, and only once. */
static void a_bare_device_is_flushed_first(void **state)
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

static void a_shared_device_is_never_flushed(void **state)
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

static void when_full_unused_sessions_are_flushed_once(void **state)
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

/* The job's unknown facts are found in the finders' order; then its own operation follows. */
static void unknown_facts_are_found_in_order(void **state)
{
	(void)state;
	assert_int_equal(job(FACT_AIK_RSA | FACT_CHAIN, &activate_operation, "hrc"), 0);
	assert_int_equal(job(FACT_AIKS | FACT_CHAIN | FACT_CERT, NULL, ""), 0);
	/* The keys have changed: those that the job needs are found again. */
	failing = &activate_operation;
	fail_times = 1;
	fail_error = -ERR_TPM_RC;
	fail_stale = true;
	assert_int_equal(job(FACT_AIK_RSA, &activate_operation, "cerc"), 0);
	assert_false(tpm_knows(FACT_AIK_ECC));
	assert_true(tpm_knows(FACT_AIK_RSA | FACT_CHAIN | FACT_CERT));
	assert_int_equal(job(FACT_AIKS | FACT_CHAIN | FACT_CERT, &activate_operation, "ac"), 0);
	/* That is done once in a job. */
	fail_times = 2;
	assert_int_equal(job(FACT_AIK_ECC, &activate_operation, "ceac"), -ERR_TPM_RC);
	assert_int_equal(job(FACT_AIK_RSA, NULL, "r"), 0);
}

/* In lockout no AIK signs how it was created: it is asked for that again later. */
static void missing_signatures_are_asked_for_again(void **state)
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
	assert_true(tpm_knows(FACT_AIKS)); /* a client is answered from memory meanwhile */
	tpm_run(now, false);
	assert_string_equal(trace, "AR");
	lockout = false;
	tpm_look_again();
	tpm_run(now, false);
	assert_string_equal(trace, "ARAR");
	tpm_look_again();
	tpm_run(now, false);
	assert_string_equal(trace, "ARAR");
	/* The certificate is missing too: one job looks for both. */
	the_tpm->id.keys[KEY_AIK_RSA].created.attest_len = 0;
	the_tpm->id.ek_cert_len = 0;
	trace[0] = '\0';
	tpm_look_again();
	tpm_run(now, false);
	assert_string_equal(trace, "Rn");
	/* An AIK that no client has asked for is not created for this. */
	the_tpm->facts &= ~(unsigned)FACT_AIK_RSA;
	the_tpm->id.keys[KEY_AIK_RSA].created.attest_len = 0;
	the_tpm->id.ek_cert_len = 0;
	trace[0] = '\0';
	tpm_look_again();
	tpm_run(now, false);
	assert_string_equal(trace, "n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_bare_device_is_flushed_first, clean),
		cmocka_unit_test_setup_teardown(a_shared_device_is_never_flushed, settle_shared,
						clean),
		cmocka_unit_test_setup_teardown(when_full_unused_sessions_are_flushed_once,
						settle_bare, clean),
		cmocka_unit_test_setup_teardown(unknown_facts_are_found_in_order, settle_shared,
						clean),
		cmocka_unit_test_setup_teardown(missing_signatures_are_asked_for_again,
						settle_shared, clean),
	};

	return cmocka_run_group_tests_name("work", tests, NULL, NULL);
}
