/* src/tpm/job.c: pauses, deadlines, ports that cannot wait, and broken links. */
#include "fake_steps.h"

#define RETRY 0x922U

/* Runs the rest of an operation whose step is not paused. */
static enum job_state run_out(uint64_t now)
{
	enum job_state s;

	while ((s = job_run(&tpm, now, true)) == JOB_RUNNING) {
		assert_true(strlen(trace) < 500);
	}
	return s;
}

/* "Not now": TPM_RETRY_COUNT pauses, each twice as long as the last. */
static void test_pauses_double_and_end(void **state)
{
	uint64_t now = 1000;
	uint64_t pause = TPM_RETRY_MIN_MS;

	(void)state;
	tpm.session = SESSION;
	for (unsigned i = 0; i <= TPM_RETRY_COUNT; i++) {
		script[A].finish[i] = RETRY;
	}
	runs(now, false, "a< arm");
	for (unsigned i = 0; i < TPM_RETRY_COUNT; i++) {
		now += 7;
		runs(now, true, "a>");
		assert_int_equal(job_deadline(), now + pause);
		runs(now + pause - 1, false, "");
		runs(now + pause - 1, true, ""); /* an event does not end the pause */
		now += pause;
		runs(now, false, "a< arm");
		assert_int_equal(job_deadline(), now + LIMIT_MS);
		pause *= 2;
	}
	runs(now, true, "a> F1< arm");
	is_done(now, true, "F1>");
	concludes(RETRY);
}

static void test_success_after_pauses(void **state)
{
	(void)state;
	script[A].finish[0] = RETRY;
	script[A].finish[1] = RETRY;
	script[B].finish[0] = RETRY;
	runs(0, false, "a< arm");
	runs(0, true, "a>");
	runs(20, false, "a< arm");
	runs(20, true, "a>");
	assert_int_equal(job_deadline(), 60);
	runs(60, false, "a< arm");
	runs(60, true, "a> b< arm");
	runs(60, true, "b>");
	assert_int_equal(job_deadline(), 80); /* the first pause of the next step */
	runs(80, false, "b< arm");
	runs(80, true, "b> c< arm");
	is_done(80, true, "c>");
	concludes(0);
}

/* STEP_LATER: no command is sent, and none is waited for; the step is started again. */
static void test_later(void **state)
{
	(void)state;
	script[B].start[0] = STEP_LATER;
	script[B].start[1] = STEP_LATER;
	runs(0, false, "a< arm");
	runs(0, true, "a> b<");
	assert_int_equal(job_deadline(), 20);
	runs(20, false, "b<");
	assert_int_equal(job_deadline(), 60);
	runs(60, false, "b< arm");
	runs(60, true, "b> c< arm");
	is_done(60, true, "c>");
	concludes(0);
}

/* ... and at last the operation ends with that code. */
static void test_never(void **state)
{
	uint64_t now = 0;

	(void)state;
	tpm.session = SESSION;
	for (unsigned i = 0; i <= TPM_RETRY_COUNT; i++) {
		script[A].start[i] = STEP_LATER;
	}
	for (unsigned i = 0; i < TPM_RETRY_COUNT; i++) {
		runs(now, false, "a<");
		now = job_deadline();
	}
	assert_in_range(now, 5000, 6000);
	runs(now, false, "a< F1< arm");
	is_done(now, true, "F1>");
	concludes(RC_NOT_YET);
}

static void test_what_is_repeated(void **state)
{
	static const struct {
		TSS2_RC rc;
		bool repeated;
	} codes[] = {
		{0x908, true},      {0x90a, true},  {0x920, true},  {0x922, true},
		{0x000b0922, true}, {0x921, false}, {0x902, false}, {0x9a2, false},
		{0x923, false},     {0x100, false}, {0x909, false},
	};

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		for (unsigned late = 0; late < 2; late++) {
			setup(state);
			(late ? script[A].finish : script[A].start)[0] = codes[i].rc;
			if (late) {
				runs(0, false, "a< arm");
			}
			if (codes[i].repeated) {
				runs(0, late, late ? "a>" : "a<");
				runs(20, false, "a< arm");
			} else {
				is_done(0, late, late ? "a>" : "a<");
				concludes(codes[i].rc);
			}
		}
	}
}

static void test_clean_up_is_repeated_too(void **state)
{
	(void)state;
	script[A].start[0] = 0x101;
	tpm.session = SESSION;
	tpm.keys[KEY_EK].loaded = EK;
	script[FLUSH_SESSION].finish[0] = RETRY;
	for (unsigned i = 0; i < 16; i++) {
		script[FLUSH_EK].finish[i] = RETRY;
	}
	runs(0, false, "a< F1< arm");
	runs(0, true, "F1>");
	runs(20, false, "F1< arm");
	runs(20, true, "F1> F4< arm");
	for (unsigned i = 0; i < TPM_RETRY_COUNT; i++) {
		runs(20, true, "F4>");
		runs(10000, false, "F4< arm");
	}
	is_done(10000, true, "F4>");
	concludes(0x101);
	assert_true(job_dirty());
}

/* ---- deadlines -------------------------------------------------------- */

static void test_timeout_of_each_step(void **state)
{
	for (unsigned step = A; step <= C; step++) {
		uint64_t limit = (step + 1) * LIMIT_MS;

		setup(state);
		tpm.session = SESSION;
		for (unsigned i = A; i <= step; i++) {
			assert_int_equal(job_run(&tpm, 50, i > A), JOB_RUNNING);
		}
		trace[0] = '\0';
		runs(50 + limit - 1, false, "");
		/* No clean-up: ESAPI is in the middle of a command. */
		is_broken(50 + limit, false, -ERR_TPM_TIMEOUT, "");
	}
}

static void test_timeout_of_the_clean_up(void **state)
{
	(void)state;
	script[A].start[0] = 0x101;
	tpm.session = SESSION;
	runs(0, false, "a< F1< arm");
	runs(TPM_COMMAND_MS - 1, false, "");
	is_broken(TPM_COMMAND_MS, false, -ERR_TPM_TIMEOUT, "");
}

/* A response that arrives exactly at the deadline counts. */
static void test_answer_at_the_deadline(void **state)
{
	(void)state;
	runs(0, false, "a< arm");
	runs(LIMIT_MS, true, "a> b< arm");
}

/* ... but one that is never complete does not, however often it is announced. */
static void test_announced_for_ever(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		script[A].finish[i] = TSS2_TCTI_RC_TRY_AGAIN;
	}
	runs(0, false, "a< arm");
	runs(LIMIT_MS - 1, true, "a> arm");
	assert_int_equal(job_run(&tpm, LIMIT_MS, true), JOB_BROKEN);
	assert_int_equal(job_fault(), -ERR_TPM_TIMEOUT);
}

/* ---- a port that cannot wait ------------------------------------------- */

/* After each command that has blocked, job_run returns, so that the event loop can go on. */
static void blocks(uint64_t now, bool event, const char *want)
{
	runs(now, event, want);
	assert_int_equal(job_deadline(), now);
}

static void test_blocking(void **state)
{
	(void)state;
	arm_result = -ERR_NOTSUP;
	tpm.session = SESSION;
	script[A].finish[0] = TSS2_TCTI_RC_TRY_AGAIN;
	script[A].finish[1] = TSS2_ESYS_RC_TRY_AGAIN;
	script[B].start[0] = STEP_SKIP;
	script[C].finish[0] = STEP_AGAIN;
	blocks(3, false, "a< arm t-1 a> a> a> t0");
	blocks(4, false, "b< c< arm t-1 c> t0");
	blocks(5, false, "c< arm t-1 c> t0");
	blocks(6, false, "F1< arm t-1 F1> t0");
	is_done(7, false, "");
	concludes(0);
}

static void test_blocking_and_failing(void **state)
{
	(void)state;
	arm_result = -ERR_NOTSUP;
	tpm.session = SESSION;
	script[A].finish[0] = 0x1df;
	blocks(1, false, "a< arm t-1 a> t0");
	blocks(1, false, "F1< arm t-1 F1> t0");
	is_done(1, false, "");
	concludes(0x1df);
	setup(state);
	arm_result = -ERR_NOTSUP;
	script[A].finish[0] = TSS2_TCTI_RC_IO_ERROR;
	fault = -ERR_TPM_UNAVAILABLE;
	is_broken(0, false, -ERR_TPM_UNAVAILABLE, "a< arm t-1 a> t0");
}

/* A pause does not block there either: the event loop waits for its end. */
static void test_blocking_and_pausing(void **state)
{
	(void)state;
	arm_result = -ERR_NOTSUP;
	script[A].finish[0] = RETRY;
	runs(0, false, "a< arm t-1 a> t0");
	assert_int_equal(job_deadline(), TPM_RETRY_MIN_MS);
	runs(TPM_RETRY_MIN_MS - 1, false, "");
	blocks(TPM_RETRY_MIN_MS, false, "a< arm t-1 a> t0");
	blocks(TPM_RETRY_MIN_MS, false, "b< arm t-1 b> t0");
	blocks(TPM_RETRY_MIN_MS, false, "c< arm t-1 c> t0");
	is_done(TPM_RETRY_MIN_MS, false, "");
	concludes(0);
}

/* ---- broken links ------------------------------------------------------ */

/* An error of the library breaks the link. */
static void test_errors_of_the_library(void **state)
{
	static const struct {
		TSS2_RC rc;
		int link; /* link_fault() */
		int want;
	} errors[] = {
		{TSS2_TCTI_RC_IO_ERROR, -ERR_TPM_UNAVAILABLE, -ERR_TPM_UNAVAILABLE},
		{TSS2_TCTI_RC_IO_ERROR, -ERR_TPM_VERSION, -ERR_TPM_VERSION},
		{TSS2_TCTI_RC_IO_ERROR, -ERR_TPM_RESPONSE, -ERR_TPM_RESPONSE},
		{TSS2_ESYS_RC_MALFORMED_RESPONSE, 0, -ERR_TPM_RESPONSE},
		{TSS2_ESYS_RC_RSP_AUTH_FAILED, 0, -ERR_TPM_RESPONSE},
		{TSS2_MU_RC_INSUFFICIENT_BUFFER, 0, -ERR_TPM_RESPONSE},
		{TSS2_ESYS_RC_BAD_SEQUENCE, 0, -ERR_TPM_RESPONSE},
		{TSS2_ESYS_RC_MEMORY, 0, -ERR_MEMORY},
		{TSS2_SYS_RC_MALFORMED_RESPONSE, 0, -ERR_TPM_RESPONSE},
		{TSS2_TCTI_RC_MEMORY, 0, -ERR_MEMORY},
		{TSS2_ESYS_RC_MEMORY, -ERR_TPM_VERSION, -ERR_TPM_VERSION},
	};

	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
		for (unsigned late = 0; late < 2; late++) {
			setup(state);
			load_all();
			fault = errors[i].link;
			(late ? script[B].finish : script[B].start)[0] = errors[i].rc;
			assert_int_equal(run_out(0), JOB_BROKEN);
			assert_int_equal(job_fault(), errors[i].want);
			traced(late ? "a< arm a> b< arm b>" : "a< arm a> b<"); /* no clean-up */
			/* The same in the clean-up. */
			setup(state);
			load_all();
			fault = errors[i].link;
			(late ? script[FLUSH_AIK].finish : script[FLUSH_AIK].start)[0] =
				errors[i].rc;
			assert_int_equal(run_out(0), JOB_BROKEN);
			assert_int_equal(job_fault(), errors[i].want);
			assert_int_equal(script[FLUSH_EK].started, 0);
		}
	}
}

/* After an error of the TPM's, one of the library's breaks the link all the same. */
static void test_fault_is_of_this_job(void **state)
{
	(void)state;
	script[A].start[0] = TSS2_ESYS_RC_MEMORY;
	is_broken(0, false, -ERR_MEMORY, "a<");
	job_begin(&tpm, &operation);
	assert_int_equal(job_fault(), 0);
	runs(0, false, "a< arm");
}

/* port_tpm_arm fails: the device is gone. */
static void test_arming_fails(void **state)
{
	(void)state;
	arm_result = -ERR_TPM_UNAVAILABLE;
	is_broken(0, false, -ERR_TPM_UNAVAILABLE, "a< arm");
	setup(state);
	script[A].finish[0] = TSS2_TCTI_RC_TRY_AGAIN;
	runs(0, false, "a< arm");
	arm_result = -ERR_TPM_UNAVAILABLE;
	is_broken(0, true, -ERR_TPM_UNAVAILABLE, "a> arm");
	setup(state);
	script[A].finish[0] = TSS2_TCTI_RC_TRY_AGAIN;
	runs(0, false, "a< arm");
	arm_result = -ERR_NOTSUP;
	blocks(0, true, "a> arm t-1 a> t0");
	blocks(0, false, "b< arm t-1 b> t0");
	blocks(0, false, "c< arm t-1 c> t0");
	is_done(0, false, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_pauses_double_and_end, setup),
		cmocka_unit_test_setup(test_success_after_pauses, setup),
		cmocka_unit_test_setup(test_later, setup),
		cmocka_unit_test_setup(test_never, setup),
		cmocka_unit_test_setup(test_what_is_repeated, setup),
		cmocka_unit_test_setup(test_clean_up_is_repeated_too, setup),
		cmocka_unit_test_setup(test_timeout_of_each_step, setup),
		cmocka_unit_test_setup(test_timeout_of_the_clean_up, setup),
		cmocka_unit_test_setup(test_answer_at_the_deadline, setup),
		cmocka_unit_test_setup(test_announced_for_ever, setup),
		cmocka_unit_test_setup(test_blocking, setup),
		cmocka_unit_test_setup(test_blocking_and_failing, setup),
		cmocka_unit_test_setup(test_blocking_and_pausing, setup),
		cmocka_unit_test_setup(test_errors_of_the_library, setup),
		cmocka_unit_test_setup(test_fault_is_of_this_job, setup),
		cmocka_unit_test_setup(test_arming_fails, setup),
	};

	return cmocka_run_group_tests_name("job_retry", tests, NULL, NULL);
}
