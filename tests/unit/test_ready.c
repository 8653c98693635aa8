/* src/tpm/ready_session.c, with the rest of src/tpm from tpm.c to job.c: when the session that is
 * ready for the next activation is made, used and flushed. */
#include "ready_acts.h"

#include <sys/wait.h>

/* ---- the tests --------------------------------------------------------------------- */

static void an_idle_one_holds_nothing(void **state)
{
	(void)state;
	pass(DAY_MS);
	assert_int_equal(outcome_of(&quote_operation, &nonce), 0);
	rest();
	traced("AQF|");
	pass(DAY_MS); /* only tpm_expect_activation makes one */
	traced("");
	nothing_is_left();
}

static void it_is_made_behind_the_answer(void **state)
{
	(void)state;
	expected();
	assert_int_equal(tpm_deadline(), fake.now + READY_PAUSE_MS);
	pass(READY_PAUSE_MS - 1);
	traced("");
	pass(1);
	traced("KSPF");
	activates("KACF|F");
	activates("KASPCF|F");
}

static void a_persistent_ek_takes_two(void **state)
{
	(void)state;
	is_made("SP");
	activates("ACF|");
	activates("ASPCF|");
}

static void keys_that_stay_loaded(void **state)
{
	(void)state;
	tpm_close();
	memset(&fake, 0, sizeof fake);
	fake.holds = fake.blocks = true;
	tpm_init(fake.now, TPM_GRACE_MS, log_nothing);
	rest();
	fake.trace[0] = '\0';
	is_made("SP");
	activates("C|");
	activates("SPC|");
}

/* The HMAC session that proves endorsementAuth is not kept: the TPM ends it. */
static void endorsement_auth_is_shown_ahead(void **state)
{
	(void)state;
	is_made("KSHPF");
	activates("KACF|F");
	activates("KASHPCF|F");
}

/* However often clients ask: one is made in READY_MS, and there is one at most. */
static void asking_again_and_again(void **state)
{
	unsigned made = 0;

	(void)state;
	for (uint64_t end = fake.now + 4 * READY_MS; fake.now < end;) {
		expected();
		pass(READY_PAUSE_MS + 3);
		assert_in_range(sessions(), 0, 1);
	}
	for (const char *p = fake.trace; *p != '\0'; p++) {
		made += *p == 'S';
	}
	assert_in_range(made, 3, 4);
	fake.trace[0] = '\0';
	pass(READY_MS + READY_PAUSE_MS);
	nothing_is_left();
}

/* A client asks just before, when, or just after the first expires: there are never two, and
 * none is forgotten. */
static void asking_when_it_is_about_to_expire(void **state)
{
	(void)state;
	for (unsigned ms = 0; ms < 3 * READY_PAUSE_MS; ms++) {
		uint64_t begun = fake.now;

		fake.takes_ms = ms % 3 * 11;
		fake.trace[0] = '\0';
		is_made("KSPF");
		pass_to(begun + READY_MS - READY_PAUSE_MS + ms);
		expected();
		for (unsigned i = 0; i < 4 * READY_PAUSE_MS; i++) {
			pass(1);
			assert_in_range(sessions(), 0, 1);
		}
		pass(2 * READY_MS);
		nothing_is_left();
	}
}

static void used_up_the_next_may_be_made(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		is_made("KSPF");
		activates("KACF|F");
	}
	pass(2 * READY_MS);
	nothing_is_left();
	traced("");
}

static void nobody_comes(void **state)
{
	uint64_t over;

	(void)state;
	is_made("KSPF");
	over = tpm_deadline();
	assert_int_equal(over, fake.now + READY_MS);
	pass_to(over - 1);
	traced("");
	pass(1);
	traced("F");
	nothing_is_left();
	pass(DAY_MS);
	traced("");
	activates("KASPCF|F");
}

/* It expires also if clients keep the TPM busy all the time. */
static void nobody_comes_and_others_do(void **state)
{
	uint64_t over;

	(void)state;
	is_made("KSPF");
	over = tpm_deadline();
	fake.takes_ms = 100;
	while (fake.now < over) {
		assert_int_equal(sessions(), 1);
		assert_int_equal(outcome_of(&quote_operation, &nonce), 0);
	}
	assert_int_equal(outcome_of(&quote_operation, &nonce), 0);
	assert_int_equal(sessions(), 0);
}

/* An activation begins when the session expires, or a millisecond before or after. */
static void somebody_comes_as_it_expires(void **state)
{
	(void)state;
	for (unsigned ms = 0; ms < 3; ms++) {
		is_made("KSPF");
		fake.now = tpm_deadline() - 1 + ms;
		assert_int_equal(outcome_of(&activate_operation, &credential), 0);
		rest();
		nothing_is_left();
		fake.trace[0] = '\0';
	}
}

/* An activation is asked for before or during each command that makes the session: it waits,
 * and uses the session. */
static void somebody_comes_while_it_is_made(void **state)
{
	(void)state;
	for (unsigned at = 0; at < 4; at++) {
		expected();
		pass(READY_PAUSE_MS - 1);
		fake.now++;
		for (unsigned i = 0; i < at + 1; i++) {
			assert_true(turn());
		}
		assert_false(tpm_idle());
		activates("KSPFKACF|F");
	}
	nothing_is_left();
}

/* An activation begins within READY_PAUSE_MS: it makes its own, and none is made ahead. */
static void somebody_comes_too_soon_for_it(void **state)
{
	(void)state;
	expected();
	pass(READY_PAUSE_MS / 2);
	activates("KASPCF|F");
	pass(2 * READY_MS);
	traced("");
	is_made("KSPF");
}

/* Of two activations the first uses it, and the second makes its own. */
static void two_come_at_once(void **state)
{
	(void)state;
	is_made("KSPF");
	assert_int_equal(outcome_of(&activate_operation, &credential), 0);
	assert_int_equal(outcome_of(&activate_operation, &credential), 0);
	rest();
	traced("KACF|FKASPCF|F");
	nothing_is_left();
}

/* Other operations run while it is ready, and it stays ready. */
static void a_quote_while_it_waits(void **state)
{
	(void)state;
	is_made("KSPF");
	assert_int_equal(outcome_of(&quote_operation, &nonce), 0);
	expected();
	pass(READY_MS / 2);
	traced("AQF|");
	activates("KACF|F");
}

/* Stops as the server does; in a child process, because tpm_wind_down cannot be undone. Returns
 * whether nothing is left loaded, and nothing more is begun. */
static bool stops(void)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		for (unsigned i = 0; !tpm_wind_down(); i++) {
			if (i == 1000 || !turn()) {
				_exit(1);
			}
		}
		if (count(OBJECT, AUTHORISED) != 0) {
			_exit(2);
		}
		expected();
		fake.now += READY_PAUSE_MS;
		_exit(turn() ? 3 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status == 0;
}

/* attestd stops before the session is made, at each command that makes it, while it is ready,
 * and at each command that uses it. */
static void a_stop(void **state)
{
	static int (*const kinds[])(void **) = {plain, persistent, with_auth, bare};

	for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
		tpm_close();
		kinds[kind](state);
		expected();
		assert_true(stops());
		fake.now += READY_PAUSE_MS;
		while (turn()) {
			assert_true(stops());
		}
		tpm_begin(FACT_AIK_ECC, &activate_operation, &credential);
		do {
			assert_true(stops());
		} while (turn() && tpm_result() == NULL);
		tpm_forget();
		rest();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define IN(test, kind) cmocka_unit_test_setup_teardown(test, kind, clean)
		IN(an_idle_one_holds_nothing, plain),
		IN(it_is_made_behind_the_answer, plain),
		IN(a_persistent_ek_takes_two, persistent),
		IN(keys_that_stay_loaded, plain),
		IN(endorsement_auth_is_shown_ahead, with_auth),
		IN(asking_again_and_again, plain),
		IN(asking_when_it_is_about_to_expire, plain),
		IN(used_up_the_next_may_be_made, plain),
		IN(nobody_comes, plain),
		IN(nobody_comes_and_others_do, plain),
		IN(somebody_comes_as_it_expires, plain),
		IN(somebody_comes_while_it_is_made, plain),
		IN(somebody_comes_too_soon_for_it, plain),
		IN(two_come_at_once, plain),
		IN(a_quote_while_it_waits, plain),
		IN(a_stop, plain),
	};

	return cmocka_run_group_tests_name("ready", tests, NULL, NULL);
}
