#include <string.h>

#include "bounds.h"
#include "crypto/salt.h"
#include "err.h"
#include "tpm/ek.h"
#include "tpm/key.h"
#include "tpm/rc.h"
#include "tpm/template.h"
#include "wire/spki.h"

/* By convention only (TCG TPM v2.0 Provisioning Guidance). */
#define EK_PERSISTENT_HANDLE 0x81010001U

/* The new public area is what the replies will say. If it is another key than
 * before, what hung on that key is forgotten. */
static TSS2_RC learn_ek(struct tpm *t, const TPM2B_PUBLIC *public)
{
	const TPM2B_PUBLIC_KEY_RSA *modulus = &public->publicArea.unique.rsa;
	uint8_t ek_tpm[TPM_PUBLIC_MAX];
	size_t len;
	TSS2_RC rc = key_marshal(public, ek_tpm, &len);

	if (rc != TSS2_RC_SUCCESS) {
		return rc;
	}
	if (public->publicArea.type != TPM2_ALG_RSA || modulus->size != EK_KEY_LEN) {
		return TSS2_ESYS_RC_MALFORMED_RESPONSE;
	}
	if (len != t->id.ek_tpm_len || memcmp(ek_tpm, t->id.ek_tpm, len) != 0) {
		t->cert_known = false;
		t->aik_known = false;
		key_drop(&t->aik_saved);
	}
	memcpy(t->id.ek_tpm, ek_tpm, len);
	t->id.ek_tpm_len = len;
	if (spki_rsa(modulus->buffer, modulus->size,
		     public->publicArea.parameters.rsaDetail.exponent, t->id.ek_spki,
		     sizeof t->id.ek_spki, &t->id.ek_spki_len) != 0) {
		return TSS2_ESYS_RC_MALFORMED_RESPONSE;
	}
	return TSS2_RC_SUCCESS;
}

TSS2_RC ek_load_start(struct tpm *t)
{
	return t->ek_saved == NULL ? STEP_SKIP : Esys_ContextLoad_Async(t->esys, t->ek_saved);
}

TSS2_RC ek_load_finish(struct tpm *t)
{
	return key_load_finish(t, &t->ek_loaded);
}

void ek_prepare_salt(const struct tpm *t)
{
	TPM2B_PUBLIC ek = template_ek;

	memcpy(ek.publicArea.unique.rsa.buffer, t->id.ek_tpm + t->id.ek_tpm_len - EK_KEY_LEN,
	       EK_KEY_LEN);
	salt_prepare(&ek);
}

ESYS_TR ek_object(const struct tpm *t)
{
	return t->ek_persistent != ESYS_TR_NONE ? t->ek_persistent : t->ek_loaded;
}

/* A TPM that takes the saved context is the one that made it. */
static TSS2_RC prove_finish(struct tpm *t)
{
	TSS2_RC rc = ek_load_finish(t);

	if (rc_is_tpm(rc) && !rc_is_retry(rc) && rc_error(rc) != -ERR_TPM_FULL) {
		key_drop(&t->ek_saved);
		return TSS2_RC_SUCCESS;
	}
	return rc;
}

static TSS2_RC find_start(struct tpm *t)
{
	if (t->ek_loaded != ESYS_TR_NONE || t->ek_skip_persistent) {
		return STEP_SKIP;
	}
	return Esys_TR_FromTPMPublic_Async(t->esys, EK_PERSISTENT_HANDLE, ESYS_TR_NONE,
					   ESYS_TR_NONE, ESYS_TR_NONE);
}

static TSS2_RC find_finish(struct tpm *t)
{
	ESYS_TR found = ESYS_TR_NONE;
	TSS2_RC rc = Esys_TR_FromTPMPublic_Finish(t->esys, &found);

	if (rc == TSS2_RC_SUCCESS) {
		t->ek_persistent = found;
	} else if (rc_is_tpm(rc) && rc_is_no_handle(rc)) {
		rc = TSS2_RC_SUCCESS;
	} else if (rc == TSS2_ESYS_RC_NOT_IMPLEMENTED || rc == TSS2_ESYS_RC_BAD_VALUE) {
		/* A key whose name algorithm ESAPI cannot compute: not our
		 * EK. ESAPI is stuck now; next time it is not asked. */
		t->ek_skip_persistent = true;
	}
	return rc;
}

static TSS2_RC read_start(struct tpm *t)
{
	if (t->ek_persistent == ESYS_TR_NONE) {
		return STEP_SKIP;
	}
	return Esys_ReadPublic_Async(t->esys, t->ek_persistent, ESYS_TR_NONE, ESYS_TR_NONE,
				     ESYS_TR_NONE);
}

static TSS2_RC read_finish(struct tpm *t)
{
	TPM2B_PUBLIC *public = NULL;
	TSS2_RC rc = Esys_ReadPublic_Finish(t->esys, &public, NULL, NULL);

	if (rc != TSS2_RC_SUCCESS) {
		return rc;
	}
	if (template_is_ek(&public->publicArea)) {
		rc = learn_ek(t, public);
	} else {
		t->log(true, "the key at 0x81010001 is not the EK of template L-1", 0, 0);
		Esys_TR_Close(t->esys, &t->ek_persistent);
	}
	Esys_Free(public);
	return rc;
}

static bool have_ek(const struct tpm *t)
{
	return ek_object(t) != ESYS_TR_NONE;
}

static TSS2_RC create_start(struct tpm *t)
{
	return have_ek(t) ? STEP_SKIP : key_create_start(t, &template_ek);
}

static TSS2_RC create_finish(struct tpm *t)
{
	TPM2B_PUBLIC *public;
	TSS2_RC rc = key_create_finish(t, &t->ek_loaded, &public);

	if (rc == TSS2_RC_SUCCESS) {
		rc = learn_ek(t, public);
	}
	Esys_Free(public);
	return rc;
}

static TSS2_RC save_start(struct tpm *t)
{
	if (t->ek_loaded == ESYS_TR_NONE || t->ek_saved != NULL) {
		return STEP_SKIP;
	}
	return Esys_ContextSave_Async(t->esys, t->ek_loaded);
}

static TSS2_RC save_finish(struct tpm *t)
{
	return key_save_finish(t, &t->ek_saved);
}

static int conclude(struct tpm *t, TSS2_RC rc, bool *stale)
{
	(void)stale;
	if (rc != TSS2_RC_SUCCESS) {
		return rc_error(rc);
	}
	t->ek_proven = true;
	return 0;
}

static const struct step steps[] = {
	{ek_load_start, prove_finish, TPM_COMMAND_MS}, {find_start, find_finish, TPM_COMMAND_MS},
	{read_start, read_finish, TPM_COMMAND_MS},     {create_start, create_finish, TPM_CREATE_MS},
	{save_start, save_finish, TPM_COMMAND_MS},
};

const struct operation ek_operation = {steps, sizeof steps / sizeof *steps, conclude};
