/*
 * TPM2_ActivateCredential: in a policy session that satisfies the EK's policy,
 * is salted to the EK, and encrypts the response, so that the secret never
 * crosses the TPM's bus in the clear.
 */
#include <string.h>

#include "bounds.h"
#include "err.h"
#include "tpm/ek.h"
#include "tpm/job.h"
#include "tpm/key.h"
#include "tpm/link.h"
#include "tpm/rc.h"
#include "wire/wipe.h"

static void begin(struct tpm *t)
{
	t->activation.sent = false;
}

static TSS2_RC session_start(struct tpm *t)
{
	static const TPMT_SYM_DEF aes_128_cfb = {
		.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB};

	return Esys_StartAuthSession_Async(t->esys, key_object(t, KEY_EK), ESYS_TR_NONE,
					   ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, NULL,
					   TPM2_SE_POLICY, &aes_128_cfb, TPM2_ALG_SHA256);
}

static TSS2_RC session_finish(struct tpm *t)
{
	ESYS_TR session = ESYS_TR_NONE;
	TSS2_RC rc = Esys_StartAuthSession_Finish(t->esys, &session);

	if (rc != TSS2_RC_SUCCESS) {
		return rc;
	}
	t->session = session;
	/* The TPM itself ends the session with the command that uses it. */
	return Esys_TRSess_SetAttributes(t->esys, session, TPMA_SESSION_ENCRYPT,
					 TPMA_SESSION_ENCRYPT | TPMA_SESSION_CONTINUESESSION);
}

static TSS2_RC policy_start(struct tpm *t)
{
	return Esys_PolicySecret_Async(t->esys, ESYS_TR_RH_ENDORSEMENT, t->session,
				       ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, NULL, NULL,
				       NULL, 0);
}

static TSS2_RC policy_finish(struct tpm *t)
{
	return Esys_PolicySecret_Finish(t->esys, NULL, NULL);
}

static TSS2_RC activate_start(struct tpm *t)
{
	const struct credential *c = &t->activation.credential;
	TPM2B_ID_OBJECT blob = {.size = (UINT16)c->id_object_len};
	TPM2B_ENCRYPTED_SECRET secret = {.size = (UINT16)c->secret_len};

	TSS2_RC rc;

	static_assert(ID_OBJECT_MAX <= sizeof blob.credential, "a blob fits");
	static_assert(SECRET_MAX <= sizeof secret.secret, "a secret fits");
	memcpy(blob.credential, c->id_object, c->id_object_len);
	memcpy(secret.secret, c->secret, c->secret_len);
	t->activation.sent = true;
	rc = Esys_ActivateCredential_Async(t->esys, key_object(t, KEY_AIK), key_object(t, KEY_EK),
					   ESYS_TR_PASSWORD, t->session, ESYS_TR_NONE, &blob,
					   &secret);
	ek_prepare_salt(t);
	return rc;
}

static TSS2_RC activate_finish(struct tpm *t)
{
	TPM2B_DIGEST *secret = NULL;
	TSS2_RC rc = Esys_ActivateCredential_Finish(t->esys, &secret);

	if (rc == TSS2_RC_SUCCESS) {
		static_assert(sizeof t->result.secret >= sizeof secret->buffer, "a secret fits");
		memcpy(t->result.secret, secret->buffer, secret->size);
		t->result.secret_len = secret->size;
		t->answered = true;
		Esys_TR_Close(t->esys, &t->session);
		Esys_Free(secret);
	}
	link_wipe();
	wipe_stack();
	return rc;
}

/*
 * What the TPM says of the credential itself. TPM_RC_FAILURE is among it: some
 * answer a damaged RSA secret with it and are in good health.
 */
static bool is_verdict(TSS2_RC rc)
{
	rc = rc_tpm(rc);
	return rc == TPM2_RC_FAILURE ||
	       (rc & (TPM2_RC_FMT1 | TPM2_RC_P)) == (TPM2_RC_FMT1 | TPM2_RC_P);
}

static int conclude(struct tpm *t, TSS2_RC rc, bool *stale)
{
	int r = rc == TSS2_RC_SUCCESS ? 0 : rc_error(rc);

	if (t->activation.sent) {
		/* Not the hierarchy's authorisation: the session that it has been shown
		 * to. Its nonce may have been damaged on the way. */
		r = r == -ERR_TPM_AUTH ? -ERR_TPM_RC : r;
		return rc != TSS2_RC_SUCCESS && is_verdict(rc) ? -ERR_REJECTED : r;
	}
	/* The keys are not what they were (TPM reset, cleared, EK evicted). */
	if (r == -ERR_TPM_RC) {
		*stale = true;
	}
	return r;
}

static const struct step steps[] = {
	{key_load_start, key_load_finish, TPM_COMMAND_MS, KEY_EK},
	{key_load_start, key_load_finish, TPM_COMMAND_MS, KEY_AIK},
	{session_start, session_finish, TPM_COMMAND_MS, 0},
	{policy_start, policy_finish, TPM_COMMAND_MS, 0},
	{activate_start, activate_finish, TPM_COMMAND_MS, 0},
};

const struct operation credential_operation = {begin, steps, sizeof steps / sizeof *steps,
					       conclude};
