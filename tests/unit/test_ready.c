/* src/tpm/ready_session.c, in src/tpm/tpm.c and src/tpm/job.c as they are: when the session that is ready
 * for the next activation is made, used and flushed. */
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
	pass(DAY_MS); /* it is the reply that leads on, which the server says */
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

/* The HMAC session that shows it is not kept: the TPM ends it. */
static void endorsement_auth_is_shown_ahead(void **state)
{
	(void)state;
	is_made("KSHPF");
	activates("KACF|F");
	activates("KASHPCF|F");
}

/* Whoever asks however often: one in READY_MS, and one at most. */
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

/* Just when the first is over, before and behind: never two of them, none forgotten. */
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

/* Clients who keep the TPM at work all the time do not keep it alive. */
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

/* The activation and the end come in the same turn, or a millisecond apart. */
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

/* Before each command of the making, and while each is at work: it waits, and uses it. */
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

/* Within the pause: it has one of its own, and wants no other. */
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

/* The first gets it; the second's is its own. */
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

/* Others are served beside it, and it waits on. */
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

/* Stops as the server does, in a process of its own: it is for good. Returns whether nothing
 * is left, and whether nothing is begun any more. */
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

/* Before it is made, at each command of the making, while it waits, and at each of the use. */
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
