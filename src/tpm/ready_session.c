#include "bounds.h"
#include "err.h"
#include "port.h"
#include "tpm/primary_key.h"
#include "tpm/ready_session.h"
#include "tpm/response_code.h"
#include "tpm/session.h"

void ready_reset(struct tpm *t)
{
	t->ready.session = ESYS_TR_NONE;
	t->ready.to_flush = false;
	t->ready.make_failed = false;
	t->ready.make_at = PORT_NEVER;
	t->ready.expires_at = 0;
}

void ready_expect(struct tpm *t, uint64_t now)
{
	if (!t->ready.make_failed && now + READY_PAUSE_MS >= t->ready.expires_at) {
		t->ready.make_at = now + READY_PAUSE_MS;
	}
}

bool ready_flush_is_due(struct tpm *t, uint64_t now)
{
	return now >= t->ready.expires_at ? ready_discard(t) : t->ready.to_flush;
}

bool ready_make_is_due(struct tpm *t, uint64_t now)
{
	if (now < t->ready.make_at) {
		return false;
	}
	t->ready.make_at = PORT_NEVER;
	t->ready.expires_at = now + READY_MS;
	return true;
}

uint64_t ready_deadline(const struct tpm *t)
{
	if (t->ready.session == ESYS_TR_NONE) {
		return t->ready.make_at;
	}
	return t->ready.to_flush ? 0 : t->ready.expires_at;
}

bool ready_discard(struct tpm *t)
{
	t->ready.to_flush = t->ready.session != ESYS_TR_NONE;
	return t->ready.to_flush;
}

/* The operation that begins owns the session from now on: its clean-up flushes it. */
static void hand_over(struct tpm *t)
{
	t->session = t->ready.session;
	t->ready.session = ESYS_TR_NONE;
	t->ready.to_flush = false;
}

void ready_take(struct tpm *t)
{
	t->ready.make_at = PORT_NEVER;
	t->ready.taken = t->ready.session != ESYS_TR_NONE;
	if (t->ready.taken) {
		hand_over(t);
		t->ready.expires_at = 0;
	}
}

/* An authorisation error must not be repeated, unless it is about the command's second
 * session: that is the policy session, and the EK's policy asks for no secret value. */
bool ready_was_to_blame(struct tpm *t, int err, TSS2_RC rc)
{
	bool taken = t->ready.taken;
	bool second = (rc & TPM2_RC_N_MASK) == (TPM2_RC_S | TPM2_RC_2);

	t->ready.taken = false;
	return taken && err != -ERR_REJECTED && err != -ERR_TPM_LOCKOUT &&
	       (second || !rc_is_tpm(rc) || !rc_is_auth(rc));
}

/* Takes the session out of t->session, so that the clean-up does not flush it. */
static TSS2_RC keep_finish(struct tpm *t)
{
	TSS2_RC rc = session_secret_finish(t);

	if (rc == TSS2_RC_SUCCESS) {
		t->ready.session = t->session;
		t->ready.expires_at = port_now_ms() + READY_MS;
		t->session = ESYS_TR_NONE;
	}
	return rc;
}

/* The error is not reported: the next activation makes its own session, and its client is
 * told what is wrong. */
static int make_conclude(struct tpm *t, TSS2_RC rc, bool *stale)
{
	(void)stale;
	t->ready.make_failed = rc != TSS2_RC_SUCCESS;
	return 0;
}

static const struct step make_steps[] = {
	{key_load_start, key_load_finish, TPM_COMMAND_MS, KEY_EK},
	{session_policy_start, session_policy_finish, TPM_COMMAND_MS, 0},
	{session_auth_start, session_auth_finish, TPM_COMMAND_MS, 0},
	{session_secret_start, keep_finish, TPM_COMMAND_MS, 0},
};

const struct operation ready_make_operation = {STEPS(make_steps), .conclude = make_conclude};

/* It has no steps: the clean-up flushes the session. */
const struct operation ready_flush_operation = {.begin = hand_over};
