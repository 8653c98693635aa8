/*
 * TPM2_Certify: the AIK certifies itself and no other key, so that no client can have a
 * key of its own certified.
 */
#include "bounds.h"
#include "tpm/primary_key.h"
#include "tpm/sign.h"

static TSS2_RC certify_start(struct tpm *t)
{
	ESYS_TR aik = key_object(t, t->target);
	TPM2B_DATA nonce = sign_nonce(t);

	t->client_data_sent = true;
	return Esys_Certify_Async(t->esys, aik, aik, ESYS_TR_PASSWORD, ESYS_TR_PASSWORD,
				  ESYS_TR_NONE, &nonce, &sign_scheme);
}

static TSS2_RC certify_finish(struct tpm *t)
{
	TPM2B_ATTEST *attest = NULL;
	TPMT_SIGNATURE *signature = NULL;
	TSS2_RC rc = Esys_Certify_Finish(t->esys, &attest, &signature);

	rc = sign_take(rc, attest, signature, &t->result.sign);
	t->answered = rc == TSS2_RC_SUCCESS;
	return rc;
}

static const struct step steps[] = {
	{key_load_start, key_load_finish, TPM_COMMAND_MS, TARGET_AIK},
	{certify_start, certify_finish, TPM_COMMAND_MS, TARGET_AIK},
};

const struct operation certify_operation = {STEPS(steps), .conclude = sign_conclude};
