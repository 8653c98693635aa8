/*
 * What the server does with src/tpm/tpm.h, on fake_esapi.h's TPM, and checks for the tests of
 * the session that is ready.
 */
#ifndef TESTS_READY_ACTS_H
#define TESTS_READY_ACTS_H

#include "fake_esapi.h"

#include "tpm/ready_session.h"

#define START 1000U
#define DAY_MS 86400000U

static const struct request_params credential = {.kind = PARAMS_CREDENTIAL, .aik = KEY_AIK_ECC};
static const struct request_params nonce = {.kind = PARAMS_NONCE, .aik = KEY_AIK_ECC};

static void log_nothing(bool warning, const char *what, int err, uint32_t rc)
{
	(void)warning, (void)what, (void)err, (void)rc;
}

/* ---- what the server does --------------------------------------------------- */

/* One turn of the event loop, if the TPM has answered or the deadline has come. Returns false if
 * neither is the case. */
static bool turn(void)
{
	bool event = fake.at_work != 0 && !fake.blocks;

	if (!event && fake.now < tpm_deadline()) {
		return false;
	}
	fake.now += event ? fake.takes_ms : 0;
	tpm_run(fake.now, event);
	return true;
}

static void rest(void)
{
	for (unsigned i = 0; turn(); i++) {
		assert_true(i < 1000); /* otherwise it is a busy loop */
	}
}

/* Time passes until `when`; whatever is due meanwhile happens. */
static void pass_to(uint64_t when)
{
	rest();
	while (tpm_deadline() <= when) {
		assert_true(tpm_deadline() > fake.now);
		fake.now = tpm_deadline();
		rest();
	}
	fake.now = fake.now > when ? fake.now : when;
	rest();
}

static void pass(uint64_t ms)
{
	pass_to(fake.now + ms);
}

/* Exactly these commands were sent since the last check. */
static void traced(const char *want)
{
	assert_string_equal(fake.trace, want);
	fake.trace[0] = '\0';
}

/* A client's request, from tpm_begin to tpm_result. Returns its error. */
static int outcome_of(const struct operation *op, const struct request_params *params)
{
	int err;

	for (unsigned i = 0; !tpm_idle(); i++) {
		assert_true(i < 1000 && turn());
	}
	tpm_begin(FACT_AIK_ECC, op, params);
	tpm_run(fake.now, false);
	for (unsigned i = 0; tpm_result() == NULL; i++) {
		assert_true(i < 1000 && turn());
	}
	note('|');
	err = tpm_result()->err;
	tpm_forget();
	return err;
}

static inline void activates(const char *want)
{
	assert_int_equal(outcome_of(&activate_operation, &credential), 0);
	rest();
	traced(want);
}

/* The server has sent a reply that clients ask for before an activation. */
static void expected(void)
{
	tpm_expect_activation(fake.now);
}

static inline void is_made(const char *want)
{
	expected();
	pass(READY_PAUSE_MS);
	traced(want);
	assert_int_equal(count(AUTHORISED, AUTHORISED), 1);
	assert_int_equal(sessions() + count(OBJECT, OBJECT), 1);
}

static void nothing_is_left(void)
{
	assert_int_equal(count(OBJECT, AUTHORISED), 0);
}

/* ---- setup and teardown -------------------------------------------------------- */

static int begin(bool persistent, bool bare, bool has_auth)
{
	memset(&fake, 0, sizeof fake);
	fake.now = START;
	fake.persistent = persistent;
	fake.bare = bare;
	fake.has_auth = has_auth;
	tpm_init(fake.now, TPM_GRACE_MS, log_nothing);
	rest();
	assert_true(tpm_idle());
	fake.trace[0] = '\0';
	return 0;
}

static inline int plain(void **state)
{
	(void)state;
	return begin(false, false, false);
}

static inline int persistent(void **state)
{
	(void)state;
	return begin(true, false, false);
}

static inline int with_auth(void **state)
{
	(void)state;
	return begin(false, false, true);
}

static inline int bare(void **state)
{
	(void)state;
	return begin(false, true, false);
}

/* Nothing is left loaded once a session that was ready has expired. */
static int clean(void **state)
{
	(void)state;
	fake.times = 0;
	pass(READY_MS + READY_PAUSE_MS);
	nothing_is_left();
	tpm_close();
	return 0;
}

#endif
