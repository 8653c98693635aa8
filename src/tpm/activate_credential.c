/*
 * TPM2_ActivateCredential, in a policy session that satisfies the EK's policy. The session is
 * salted to the EK and encrypts the response, so that the secret never crosses the TPM's bus
 * in the clear.
 */
#include <string.h>

#include "base/wipe.h"
#include "bounds.h"
#include "err.h"
#include "tpm/ek.h"
#include "tpm/job.h"
#include "tpm/link.h"
#include "tpm/primary_key.h"
#include "tpm/ready_session.h"
#include "tpm/response_code.h"
#include "tpm/session.h"

static TSS2_RC activate_start(struct tpm *t)
{
	const struct credential *c = &t->params.as.credential;
	TPM2B_ID_OBJECT blob = {.size = (UINT16)c->id_object_len};
	TPM2B_ENCRYPTED_SECRET secret = {.size = (UINT16)c->secret_len};
	TSS2_RC rc;

	assert(t->params.kind == PARAMS_CREDENTIAL);
	static_assert(ID_OBJECT_MAX <= sizeof blob.credential, "a blob fits");
	static_assert(SECRET_MAX <= sizeof secret.secret, "a secret fits");
	memcpy(blob.credential, c->id_object, c->id_object_len);
	memcpy(secret.secret, c->secret, c->secret_len);
	t->client_data_sent = true;
	rc = Esys_ActivateCredential_Async(t->esys, key_object(t, t->aik), key_object(t, KEY_EK),
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
 * Has the TPM rejected the credential? TPM_RC_FAILURE may mean that as well: some TPMs
 * return it for a damaged RSA secret, without being in failure mode.
 */
static bool is_rejection(TSS2_RC rc)
{
	return rc_tpm(rc) == TPM2_RC_FAILURE || rc_is_about_parameter(rc);
}

static int conclude(struct tpm *t, TSS2_RC rc, bool *stale)
{
	int r = rc == TSS2_RC_SUCCESS ? 0 : rc_error(rc);

	*stale = key_is_stale(t, rc);
	t->ready.make_failed = t->ready.make_failed && r != 0;
	if (t->client_data_sent) {
		/* It is the policy session's HMAC that was refused (a nonce may have been
		 * damaged on its way), not the hierarchy's authorisation. */
		r = r == -ERR_TPM_AUTH ? -ERR_TPM_RC : r;
		return rc != TSS2_RC_SUCCESS && is_rejection(rc) ? -ERR_REJECTED : r;
	}
	return r;
}

/* If a session was ready, the operation goes on at its last step. */
static TSS2_RC look_for_session(struct tpm *t)
{
	return t->ready.taken ? STEP_LOOP : STEP_SKIP;
}

static const struct step steps[] = {
	{key_load_start, key_load_finish, TPM_COMMAND_MS, KEY_EK},
	{key_load_start, key_load_finish, TPM_COMMAND_MS, TARGET_AIK},
	{look_for_session, NULL, 0, 0},
	{session_policy_start, session_policy_finish, TPM_COMMAND_MS, 0},
	{session_auth_start, session_auth_finish, TPM_COMMAND_MS, 0},
	{session_secret_start, session_secret_finish, TPM_COMMAND_MS, 0},
	{activate_start, activate_finish, TPM_COMMAND_MS, 0},
};

const struct operation activate_operation = {STEPS(steps), .begin = ready_take,
					     .conclude = conclude,
					     .loop = sizeof steps / sizeof *steps - 1};
