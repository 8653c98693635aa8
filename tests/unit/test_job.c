/* src/tpm/job.c: the order of steps, and the clean-up after them. */
#include "fake_steps.h"

#include "tpm/response_code.h"

#define FLUSHED "F1< arm F1> F2< arm F2> F3< arm F3> F4< arm F4>"

static void test_steps_in_order(void **state)
{
	(void)state;
	assert_true(job_deadline() <= 100); /* at once */
	runs(100, false, "a< arm");
	assert_int_equal(job_deadline(), 100 + LIMIT_MS);
	runs(150, false, ""); /* the TPM is not ready yet */
	runs(200, true, "a> b< arm");
	assert_int_equal(job_deadline(), 200 + 2 * LIMIT_MS);
	runs(300, true, "b> c< arm");
	assert_int_equal(job_deadline(), 300 + 3 * LIMIT_MS);
	is_done(400, true, "c>");
	concludes(0);
	assert_false(job_dirty());
}

/* One event is for one response: it does not count for the next step's, too. */
static void test_an_event_is_for_one_step(void **state)
{
	(void)state;
	runs(0, true, "a< arm"); /* a late event, of an earlier command */
	runs(0, true, "a> b< arm");
	runs(0, false, "");
}

static void test_skipped_steps(void **state)
{
	(void)state;
	script[A].start[0] = STEP_SKIP;
	script[C].start[0] = STEP_SKIP;
	runs(0, false, "a< b< arm");
	is_done(0, true, "b> c<");
	concludes(0);
}

static void test_all_steps_skipped(void **state)
{
	(void)state;
	for (unsigned i = A; i <= C; i++) {
		script[i].start[0] = STEP_SKIP;
	}
	is_done(0, false, "a< b< c<");
	concludes(0);
}

static void take_session(struct tpm *t)
{
	t->session = SESSION;
}

/* An operation without steps only flushes what it has taken, and succeeds. */
static void test_no_steps(void **state)
{
	static const struct operation none = {.begin = take_session};
	uint32_t rc;
	bool stale;

	(void)state;
	job_begin(&tpm, &none);
	runs(0, false, "F1< arm");
	is_done(0, true, "F1>");
	assert_int_equal(job_outcome(&tpm, &rc, &stale), 0);
	assert_int_equal(rc, 0);
	assert_false(stale);
	nothing_is_loaded();
}

/* What the last operation had loaded does not belong to this one. */
static void test_objects_are_the_operations_own(void **state)
{
	(void)state;
	load_all();
	job_begin(&tpm, &operation);
	nothing_is_loaded();
}

/* STEP_AGAIN: the step is started again, as often as it says so. */
static void test_again(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 14; i++) {
		script[A].finish[i] = STEP_AGAIN;
	}
	runs(0, false, "a< arm");
	for (unsigned i = 0; i < 14; i++) {
		runs(10 * i, true, "a> a< arm");
		assert_int_equal(job_deadline(), 10 * i + LIMIT_MS);
	}
	runs(900, true, "a> b< arm");
}

/* ... and may be skipped then. */
static void test_again_then_skipped(void **state)
{
	(void)state;
	script[A].finish[0] = STEP_AGAIN;
	script[A].start[1] = STEP_SKIP;
	runs(0, false, "a< arm");
	runs(0, true, "a> a< b< arm");
}

/* TRY_AGAIN: the response is waited for again, until the same deadline. */
static void test_try_again(void **state)
{
	static const TSS2_RC codes[] = {TSS2_TCTI_RC_TRY_AGAIN, TSS2_ESYS_RC_TRY_AGAIN};

	(void)state;
	memcpy(script[A].finish, codes, sizeof codes);
	runs(0, false, "a< arm");
	for (unsigned i = 1; i <= 2; i++) {
		runs(100 * i, true, "a> arm");
		assert_int_equal(job_deadline(), LIMIT_MS);
	}
	runs(400, true, "a> b< arm");
}

/* Whichever step fails, at its start or its finish, the whole clean-up follows. */
static void test_clean_up_after_each_failure(void **state)
{
	static const char *const before[] = {"", "a< arm a> ", "a< arm a> b< arm b> "};
	static const char *const failing[] = {"a<", "b<", "c<"};
	static const char *const failing_late[] = {"a< arm a>", "b< arm b>", "c< arm c>"};

	for (unsigned step = A; step <= C; step++) {
		for (unsigned late = 0; late < 2; late++) {
			char want[256];

			setup(state);
			load_all();
			(late ? script[step].finish : script[step].start)[0] = 0x1df;
			verdict = -ERR_REJECTED;
			while (job_run(&tpm, 0, true) == JOB_RUNNING) {
			}
			snprintf(want, sizeof want, "%s%s " FLUSHED, before[step],
				 (late ? failing_late : failing)[step]);
			traced(want);
			concludes(0x1df);
			nothing_is_loaded();
			assert_false(job_dirty());
		}
	}
}

static void test_clean_up_after_success(void **state)
{
	(void)state;
	load_all();
	while (job_run(&tpm, 0, true) == JOB_RUNNING) {
	}
	traced("a< arm a> b< arm b> c< arm c> " FLUSHED);
	concludes(0);
	nothing_is_loaded();
}

/* Only what is loaded is flushed. */
static void test_clean_up_of_some(void **state)
{
	for (unsigned loaded = 0; loaded < 16; loaded++) {
		char want[256] = "a<";

		setup(state);
		script[A].start[0] = 0x101;
		tpm.session = loaded & 1 ? SESSION : ESYS_TR_NONE;
		tpm.keys[KEY_AIK_ECC].loaded = loaded & 2 ? AIK : ESYS_TR_NONE;
		tpm.keys[KEY_AIK_RSA].loaded = loaded & 8 ? AIK_RSA : ESYS_TR_NONE;
		tpm.keys[KEY_EK].loaded = loaded & 4 ? EK : ESYS_TR_NONE;
		while (job_run(&tpm, 0, true) == JOB_RUNNING) {
		}
		strcat(want, loaded & 1 ? " F1< arm F1>" : "");
		strcat(want, loaded & 2 ? " F2< arm F2>" : "");
		strcat(want, loaded & 8 ? " F3< arm F3>" : "");
		strcat(want, loaded & 4 ? " F4< arm F4>" : "");
		traced(want);
		concludes(0x101);
		nothing_is_loaded();
	}
}

/* The object is gone: the TPM has ended the session itself, or was reset. */
static void test_gone_already(void **state)
{
	static const TSS2_RC codes[] = {0x18b, 0x1c4, 0x910, 0x000b018b};

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		bool gone = rc_base(codes[i]) == 0x08b; /* TPM_RC_HANDLE, and no other */

		setup(state);
		tpm.session = SESSION;
		tpm.keys[KEY_EK].loaded = EK;
		for (unsigned k = A; k <= C; k++) {
			script[k].start[0] = STEP_SKIP;
		}
		script[FLUSH_SESSION].finish[0] = codes[i];
		runs(0, false, "a< b< c< F1< arm");
		runs(0, true, gone ? "F1> X1 F4< arm" : "F1> F4< arm");
		is_done(0, true, "F4>");
		concludes(0);
		assert_int_equal(job_dirty(), !gone);
	}
}

/* After a flush that fails the others follow, and the outcome stays the same. */
static void test_dirty(void **state)
{
	for (unsigned object = SESSION; object <= EK; object++) {
		for (unsigned late = 0; late < 2; late++) {
			struct script *s = &script[FLUSH_SESSION + object - 1];

			setup(state);
			load_all();
			(late ? s->finish : s->start)[0] = 0x101;
			script[C].finish[0] = 0x1d5;
			while (job_run(&tpm, 0, true) == JOB_RUNNING) {
			}
			assert_int_equal(script[FLUSH_SESSION].started, 1);
			assert_int_equal(script[FLUSH_AIK].started, 1);
			assert_int_equal(script[FLUSH_AIK_RSA].started, 1);
			assert_int_equal(script[FLUSH_EK].started, 1);
			trace[0] = '\0';
			concludes(0x1d5);
			assert_true(job_dirty());
			job_begin(&tpm, &operation);
			assert_false(job_dirty());
			nothing_is_loaded();
		}
	}
}

static void test_outcome_is_the_conclusion(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		setup(state);
		verdict = i & 1 ? -ERR_TPM_FULL : 0;
		verdict_stale = i & 2;
		script[B].finish[0] = 0x902;
		while (job_run(&tpm, 0, true) == JOB_RUNNING) {
		}
		traced("a< arm a> b< arm b>");
		concludes(0x902);
	}
}

/* Where keys stay loaded (port_tpm_holds_keys), only sessions are flushed. */
static void test_keys_that_stay(void **state)
{
	(void)state;
	holds_keys = true;
	load_all();
	while (job_run(&tpm, 0, true) == JOB_RUNNING) {
	}
	traced("a< arm a> b< arm b> c< arm c> F1< arm F1>");
	concludes(0);
	job_begin(&tpm, &operation);
	assert_int_equal(tpm.session, ESYS_TR_NONE);
	assert_int_equal(tpm.keys[KEY_AIK_ECC].loaded, AIK);
	assert_int_equal(tpm.keys[KEY_EK].loaded, EK);
}

/* STEP_LOOP: the operation goes on at its step `loop`. */
static void test_loop(void **state)
{
	(void)state;
	script[C].finish[0] = script[C].finish[1] = STEP_LOOP;
	while (job_run(&tpm, 0, true) == JOB_RUNNING) {
	}
	traced("a< arm a> b< arm b> c< arm c> b< arm b> c< arm c> b< arm b> c< arm c>");
	concludes(0);
	setup(state);
	script[C].start[0] = STEP_LOOP;
	script[B].start[1] = 0x101;
	while (job_run(&tpm, 0, true) == JOB_RUNNING) {
	}
	traced("a< arm a> b< arm b> c< b<");
	concludes(0x101);
	setup(state);
	script[B].finish[0] = 0x922;
	script[C].finish[0] = STEP_LOOP;
	runs(0, false, "a< arm");
	runs(0, true, "a> b< arm");
	job_abandon(); /* but not after this */
	is_done(0, true, "b>");
	concludes(RC_NOT_YET);
}

/* STEP_REFUSE ends the operation; its conclusion is drawn from that code. */
static void test_refuse(void **state)
{
	(void)state;
	load_all();
	script[B].finish[0] = STEP_REFUSE;
	verdict = -ERR_PCRS_CHANGED;
	while (job_run(&tpm, 0, true) == JOB_RUNNING) {
	}
	traced("a< arm a> b< arm b> " FLUSHED);
	concludes(STEP_REFUSE);
	nothing_is_loaded();
}

/* A step's functions find its target in t->target; TARGET_AIK stands for the operation's AIK. */
static unsigned targets[2];

static TSS2_RC note_target(struct tpm *t)
{
	targets[targets[0] != 0] = t->target;
	return STEP_SKIP;
}

static void test_target(void **state)
{
	static const struct step some[] = {{note_target, NULL, LIMIT_MS, 7},
					   {note_target, NULL, LIMIT_MS, TARGET_AIK}};
	static const struct operation two = {.steps = some, .count = 2, .conclude = conclude};

	(void)state;
	tpm.params.aik = KEY_AIK_RSA;
	job_begin(&tpm, &two);
	is_done(0, false, "");
	assert_int_equal(targets[0], 7);
	assert_int_equal(targets[1], KEY_AIK_RSA);
}

/* job_abandon: the current command is waited for, then the clean-up follows. */
static void test_cut(void **state)
{
	(void)state;
	tpm.session = SESSION;
	tpm.auth_session = SESSION;
	script[B].finish[0] = STEP_AGAIN;
	runs(0, false, "a< arm");
	runs(0, true, "a> b< arm");
	job_abandon();
	runs(0, false, "");
	runs(0, true, "b> F1< arm");
	runs(0, true, "F1> F1< arm");
	is_done(0, true, "F1>");
	concludes(RC_NOT_YET);
	nothing_is_loaded();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_steps_in_order, setup),
		cmocka_unit_test_setup(test_an_event_is_for_one_step, setup),
		cmocka_unit_test_setup(test_skipped_steps, setup),
		cmocka_unit_test_setup(test_all_steps_skipped, setup),
		cmocka_unit_test_setup(test_no_steps, setup),
		cmocka_unit_test_setup(test_objects_are_the_operations_own, setup),
		cmocka_unit_test_setup(test_again, setup),
		cmocka_unit_test_setup(test_again_then_skipped, setup),
		cmocka_unit_test_setup(test_try_again, setup),
		cmocka_unit_test_setup(test_clean_up_after_each_failure, setup),
		cmocka_unit_test_setup(test_clean_up_after_success, setup),
		cmocka_unit_test_setup(test_clean_up_of_some, setup),
		cmocka_unit_test_setup(test_gone_already, setup),
		cmocka_unit_test_setup(test_dirty, setup),
		cmocka_unit_test_setup(test_outcome_is_the_conclusion, setup),
		cmocka_unit_test_setup(test_keys_that_stay, setup),
		cmocka_unit_test_setup(test_loop, setup),
		cmocka_unit_test_setup(test_refuse, setup),
		cmocka_unit_test_setup(test_target, setup),
		cmocka_unit_test_setup(test_cut, setup),
	};

	return cmocka_run_group_tests_name("job", tests, NULL, NULL);
}
