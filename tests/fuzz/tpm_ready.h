/*
 * What fuzz_tpm.c does to open a credential, and before: a session that is ready for it.
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

/* One for the next activation, which it does not fail for; on the second link nobody comes
 * for it. Returns false if nothing can come after it. */
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

/* What is wrong with the session that was ready is not the client's affair. */
static bool run_activation(void)
{
	tpm.ready.taken = false;
	return run_credential() ||
	       (tpm.ready.taken && outcome != -ERR_INTERNAL && !job_dirty() &&
		ready_was_to_blame(&tpm, outcome, outcome_rc) && run_credential());
}

#endif
