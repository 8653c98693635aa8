#include <string.h>

#include "base/wipe.h"
#include "bounds.h"
#include "port.h"
#include "tpm/primary_key.h"
#include "tpm/session.h"

/* Gives endorsementAuth to ESAPI, which keeps a copy until the link is closed. */
static void use(struct tpm *t)
{
	TPM2B_AUTH auth = {.size = (UINT16)t->auth.len};

	static_assert(AUTH_MAX <= sizeof auth.buffer, "an authorisation fits");
	memcpy(auth.buffer, t->auth.value, t->auth.len);
	if (Esys_TR_SetAuth(t->esys, ESYS_TR_RH_ENDORSEMENT, &auth) != TSS2_RC_SUCCESS) {
		session_close(t);
	}
	wipe(&auth, sizeof auth);
}

void session_open(struct tpm *t)
{
	t->auth.error = port_endorsement_auth(t->auth.value, &t->auth.len);
	if (t->auth.len > 0) {
		use(t);
	}
}

bool session_renew(struct tpm *t)
{
	uint8_t old[AUTH_MAX];
	size_t n = t->auth.len;
	bool same;

	memcpy(old, t->auth.value, n);
	t->auth.error = port_endorsement_auth(t->auth.value, &t->auth.len);
	same = t->auth.len == n && equal_ct(t->auth.value, old, n);
	wipe(old, sizeof old);
	if (!same) {
		use(t);
	}
	return !same;
}

void session_close(struct tpm *t)
{
	wipe(&t->auth, sizeof t->auth);
}

/* ESAPI needs a nonce. If it found no random numbers itself, its error would not say so. */
static bool has_random(void)
{
	uint8_t byte;

	return port_random(&byte, 1) == 0;
}

static TSS2_RC started(struct tpm *t, ESYS_TR *session, TPMA_SESSION set)
{
	ESYS_TR found = ESYS_TR_NONE;
	TSS2_RC rc = Esys_StartAuthSession_Finish(t->esys, &found);

	if (rc != TSS2_RC_SUCCESS) {
		return rc;
	}
	*session = found;
	/* Without CONTINUESESSION the TPM flushes the session after the command that uses it. */
	return Esys_TRSess_SetAttributes(t->esys, found, set, set | TPMA_SESSION_CONTINUESESSION);
}

TSS2_RC session_hmac_start(struct tpm *t, ESYS_TR key)
{
	static const TPMT_SYM_DEF none = {.algorithm = TPM2_ALG_NULL};

	if (!has_random()) {
		return STEP_LATER;
	}
	return Esys_StartAuthSession_Async(t->esys, key, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
					   ESYS_TR_NONE, NULL, TPM2_SE_HMAC, &none,
					   TPM2_ALG_SHA256);
}

TSS2_RC session_auth_start(struct tpm *t)
{
	return t->auth.len == 0 ? STEP_SKIP : session_hmac_start(t, ESYS_TR_NONE);
}

TSS2_RC session_auth_finish(struct tpm *t)
{
	return started(t, &t->auth_session, 0);
}

ESYS_TR session_auth(const struct tpm *t)
{
	return t->auth_session != ESYS_TR_NONE ? t->auth_session : ESYS_TR_PASSWORD;
}

void session_auth_used(struct tpm *t)
{
	if (t->auth_session != ESYS_TR_NONE) {
		Esys_TR_Close(t->esys, &t->auth_session);
	}
}

TSS2_RC session_policy_start(struct tpm *t)
{
	static const TPMT_SYM_DEF aes_128_cfb = {
		.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB};

	if (!has_random()) {
		return STEP_LATER;
	}
	return Esys_StartAuthSession_Async(t->esys, key_object(t, KEY_EK), ESYS_TR_NONE,
					   ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, NULL,
					   TPM2_SE_POLICY, &aes_128_cfb, TPM2_ALG_SHA256);
}

TSS2_RC session_policy_finish(struct tpm *t)
{
	TSS2_RC rc = started(t, &t->session, TPMA_SESSION_ENCRYPT);

	wipe_stack(); /* it holds the salt and the session's key */
	return rc;
}

TSS2_RC session_secret_start(struct tpm *t)
{
	return Esys_PolicySecret_Async(t->esys, ESYS_TR_RH_ENDORSEMENT, t->session, session_auth(t),
				       ESYS_TR_NONE, ESYS_TR_NONE, NULL, NULL, NULL, 0);
}

TSS2_RC session_secret_finish(struct tpm *t)
{
	TSS2_RC rc = Esys_PolicySecret_Finish(t->esys, NULL, NULL);

	if (rc == TSS2_RC_SUCCESS) {
		session_auth_used(t);
	}
	return rc;
}
