/*
 * How fuzz_tpm.c activates a credential, and makes the ready session that the
 * activation uses.
 */
#ifndef TESTS_TPM_READY_H
#define TESTS_TPM_READY_H

static bool run_credential(void)
{
	struct credential *c = &tpm.params.as.credential;

	memset(&tpm.params.as, 0, sizeof tpm.params.as);
	tpm.params.kind = PARAMS_CREDENTIAL;
	c->id_object_len = 2 + EK_HMAC_LEN + 18;
	c->id_object[1] = EK_HMAC_LEN;
	c->secret_len = EK_KEY_LEN;
	tpm.answered = false;
	return run(&activate_operation) && tpm.answered;
}

/* Makes a session for the next activation; this must succeed unless the input gave answers.
 * `flushed`: no activation uses it, and it is flushed. Returns false if no operation can
 * follow. */
static bool run_ready(bool flushed)
{
	unsigned given = device.given;

	if (!run(&ready_make_operation)) {
		return false;
	}
	MUST(tpm.ready.session != ESYS_TR_NONE || device.given > given);
	if (flushed && ready_discard(&tpm)) {
		if (!run(&ready_flush_operation)) {
			return false;
		}
		MUST(tpm.ready.session == ESYS_TR_NONE);
	}
	return true;
}

/* If the ready session was the reason of a failure, the activation is done again without it. */
static bool run_activation(void)
{
	tpm.ready.taken = false;
	return run_credential() ||
	       (tpm.ready.taken && outcome != -ERR_INTERNAL && !job_dirty() &&
		ready_was_to_blame(&tpm, outcome, outcome_rc) && run_credential());
}

#endif
