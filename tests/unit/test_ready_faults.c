/* src/tpm/ready_session.c: if making or using the session that is ready fails, or another operation
 * does, clients notice nothing but the time it takes, and no session is left. */
#include "ready_acts.h"

static const TSS2_RC codes[] = {
	TPM2_RC_SESSION_HANDLES,
	TPM2_RC_SESSION_MEMORY,
	TPM2_RC_CONTEXT_GAP,
	TPM2_RC_MEMORY,
	TPM2_RC_FAILURE,
	TPM2_RC_HANDLE | TPM2_RC_1,
	TPM2_RC_REFERENCE_S0,
	TPM2_RC_CANCELED,
	TPM2_RC_BAD_AUTH | TPM2_RC_S | TPM2_RC_2,
	TPM2_RC_LOCKOUT,
	TPM2_RC_POLICY_FAIL | TPM2_RC_S | TPM2_RC_1,
};
#define CODES (sizeof codes / sizeof *codes)

/* The n-th command of this letter from now on fails with this code. */
static void fails_with(char letter, unsigned n, unsigned times, TSS2_RC rc)
{
	fake.failing = letter;
	fake.skip = n;
	fake.times = times;
	fake.rc = rc;
}

/* After a failure none is made until an activation has succeeded: the TPM is not asked again and
 * again for what it refuses. The failure is not reported. */
static void making_it_fails(void **state)
{
	(void)state;
	for (size_t i = 0; i < CODES; i++) {
		for (const char *at = "KSP"; *at != '\0'; at++) {
			unsigned commands;

			pass(READY_MS);
			fails_with(*at, 0, 1, codes[i]);
			expected();
			pass(READY_PAUSE_MS);
			nothing_is_left();
			assert_int_equal(fake.times, 0);
			commands = fake.commands;
			for (unsigned k = 0; k < 100; k++) {
				expected();
				pass(READY_MS / 10);
			}
			assert_int_equal(fake.commands, commands);
			fake.trace[0] = '\0';
			activates("KASPCF|F");
			pass(READY_MS);
			is_made("KSPF");
			activates("KACF|F");
		}
	}
}

/* A wrong endorsementAuth is tried once ahead, and no more. */
static void a_wrong_authorisation_is_tried_once(void **state)
{
	(void)state;
	fails_with('P', 0, 1000, TPM2_RC_BAD_AUTH | TPM2_RC_S | TPM2_RC_1);
	for (unsigned i = 0; i < 100; i++) {
		expected();
		pass(READY_MS);
	}
	assert_int_equal(fake.times, 999);
	nothing_is_left();
	/* An activation tries again, and its client is told why it fails. */
	assert_int_equal(outcome_of(&activate_operation, &credential), -ERR_TPM_AUTH);
	assert_int_equal(fake.times, 998);
	rest();
	nothing_is_left();
}

/* The clean-up after making it fails: the link is closed, and the session goes with it. */
static void the_ek_cannot_be_flushed(void **state)
{
	(void)state;
	fails_with('F', 0, 1, TPM2_RC_FAILURE);
	expected();
	pass(READY_PAUSE_MS);
	pass(1000);
	fake.trace[0] = '\0';
	assert_int_equal(outcome_of(&activate_operation, &credential), 0);
	rest();
	pass(2 * READY_MS);
	nothing_is_left();
}

/* Whatever is wrong with the session: the activation is repeated with a new one. */
static void using_it_fails(void **state)
{
	(void)state;
	for (size_t i = 0; i < CODES; i++) {
		for (const char *at = "KAC"; *at != '\0'; at++) {
			if (codes[i] == TPM2_RC_LOCKOUT ||
			    (*at == 'C' && codes[i] == TPM2_RC_FAILURE)) {
				continue; /* may also mean a damaged credential */
			}
			is_made("KSPF");
			fails_with(*at, 0, 1, codes[i]);
			assert_int_equal(outcome_of(&activate_operation, &credential), 0);
			assert_int_equal(fake.times, 0);
			rest();
			nothing_is_left();
			pass(READY_MS);
			fake.trace[0] = '\0';
		}
	}
}

/* An error about the AIK's authorisation is not the session's fault, and may count towards
 * lockout: it is not repeated. */
static void no_authorisation_is_tried_twice(void **state)
{
	static const TSS2_RC refused[] = {TPM2_RC_BAD_AUTH | TPM2_RC_S | TPM2_RC_1,
					  TPM2_RC_AUTH_FAIL | TPM2_RC_S | TPM2_RC_1,
					  TPM2_RC_AUTH_UNAVAILABLE};

	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		is_made("KSPF");
		fails_with('C', 0, 1, refused[i]);
		assert_int_equal(outcome_of(&activate_operation, &credential), -ERR_TPM_RC);
		rest();
		traced("KACFFF|");
		nothing_is_left();
		pass(READY_MS);
	}
}

/* A rejected credential is not tried again, whichever session was used. */
static void a_wrong_credential(void **state)
{
	(void)state;
	fake.verdict = TPM2_RC_INTEGRITY | TPM2_RC_P | TPM2_RC_1;
	is_made("KSPF");
	assert_int_equal(outcome_of(&activate_operation, &credential), -ERR_REJECTED);
	rest();
	traced("KACFFF|");
	nothing_is_left();
	assert_int_equal(outcome_of(&activate_operation, &credential), -ERR_REJECTED);
	rest();
	traced("KASPCFFF|");
	fake.verdict = 0;
	is_made("KSPF");
}

/* The TPM has no room for another session: the one that is ready is flushed for it. */
static void it_gives_way(void **state)
{
	static const TSS2_RC full[] = {TPM2_RC_SESSION_HANDLES, TPM2_RC_SESSION_MEMORY,
				       TPM2_RC_CONTEXT_GAP};

	(void)state;
	for (size_t i = 0; i < sizeof full / sizeof *full; i++) {
		for (const char *at = "AQ"; *at != '\0'; at++) {
			is_made("KSPF");
			fails_with(*at, 0, 1, full[i]);
			assert_int_equal(outcome_of(&quote_operation, &nonce), 0);
			assert_int_equal(fake.times, 0);
			rest();
			assert_int_equal(sessions(), 0);
			traced(*at == 'A' ? "AFAQF|" : "AQFFAQF|");
			pass(READY_MS);
		}
	}
}

/* An operation fails for another reason: the session is flushed after it. */
static void another_operation_fails(void **state)
{
	(void)state;
	is_made("KSPF");
	fails_with('Q', 0, 2, TPM2_RC_COMMAND_CODE);
	assert_int_equal(outcome_of(&quote_operation, &nonce), -ERR_TPM_RC);
	rest();
	nothing_is_left();
	pass(READY_MS);
	nothing_is_left();
}

/* If operations fail again and again, there is still only one session in READY_MS. */
static void given_up_it_is_not_made_again_at_once(void **state)
{
	uint64_t begun;

	(void)state;
	is_made("KSPF");
	begun = fake.now;
	fails_with('Q', 0, 2, TPM2_RC_COMMAND_CODE);
	assert_int_equal(outcome_of(&quote_operation, &nonce), -ERR_TPM_RC);
	rest();
	nothing_is_left();
	fake.trace[0] = '\0';
	while (fake.now < begun + READY_MS - READY_PAUSE_MS - 100) {
		expected();
		pass(100);
	}
	traced("");
	pass_to(begun + READY_MS);
	is_made("KSPF");
}

/* Another program uses two of three slots. */
static void a_bare_tpm_with_others_sessions(void **state)
{
	ESYS_TR theirs[2];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		theirs[i] = load(HMAC);
	}
	expected();
	pass(READY_PAUSE_MS);
	traced("KSPF");
	activates("KACF|F");
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(fake.loaded[theirs[i]], HMAC);
		fake.loaded[theirs[i]] = GONE;
	}
	nothing_is_left();
}

/* It is void when its link is closed, and nothing on the next link is taken for it. */
static void the_link_is_lost(void **state)
{
	(void)state;
	for (unsigned waits = 0; waits < 2; waits++) {
		is_made("KSPF");
		fails_with(waits ? 'A' : 'Q', 0, 1, TSS2_TCTI_RC_IO_ERROR);
		if (waits) {
			assert_int_equal(outcome_of(&activate_operation, &credential), 0);
		} else {
			assert_int_equal(outcome_of(&quote_operation, &nonce), 0);
		}
		rest();
		assert_int_equal(fake.opens, waits + 2);
		nothing_is_left();
		fake.trace[0] = '\0';
		activates("KASPCF|F");
		pass(2 * READY_MS);
		traced("");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define IN(test, kind) cmocka_unit_test_setup_teardown(test, kind, clean)
		IN(making_it_fails, plain),
		IN(a_wrong_authorisation_is_tried_once, with_auth),
		IN(the_ek_cannot_be_flushed, plain),
		IN(using_it_fails, plain),
		IN(no_authorisation_is_tried_twice, plain),
		IN(a_wrong_credential, plain),
		IN(it_gives_way, plain),
		IN(another_operation_fails, plain),
		IN(given_up_it_is_not_made_again_at_once, plain),
		IN(a_bare_tpm_with_others_sessions, bare),
		IN(the_link_is_lost, plain),
	};

	return cmocka_run_group_tests_name("ready_faults", tests, NULL, NULL);
}
