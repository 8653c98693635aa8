#include <string.h>

#include "bounds.h"
#include "crypto/salt.h"
#include "err.h"
#include "tpm/ek.h"
#include "tpm/nv_read.h"
#include "tpm/persist_ek.h"
#include "tpm/primary_key.h"
#include "tpm/response_code.h"
#include "tpm/session.h"
#include "tpm/template.h"
#include "wire/spki.h"

const uint8_t *ek_modulus(const struct tpm *t)
{
	const struct key_public *ek = &t->id.keys[KEY_EK];

	/* It ends the public area; key_learn has checked its length. */
	return ek->tpm + ek->tpm_len - EK_KEY_LEN;
}

void ek_prepare_salt(const struct tpm *t)
{
	TPM2B_PUBLIC ek = template_ek;

	memcpy(ek.publicArea.unique.rsa.buffer, ek_modulus(t), EK_KEY_LEN);
	salt_prepare(&ek);
}

/* The persistent handle and the template in NV may have changed: they are read again. */
static void begin(struct tpm *t)
{
	struct key *ek = &t->keys[KEY_EK];

	if (ek->persistent != ESYS_TR_NONE) {
		Esys_TR_Close(t->esys, &ek->persistent);
	}
	nv_begin(t);
}

/* Only the TPM that saved the context can load it. */
static TSS2_RC prove_finish(struct tpm *t)
{
	TSS2_RC rc = key_load_finish(t);

	if (rc_is_tpm(rc) && !rc_is_retry(rc) && rc_error(rc) != -ERR_TPM_FULL &&
	    rc_error(rc) != -ERR_TPM_GAP) {
		key_drop(&t->keys[KEY_EK]);
		return TSS2_RC_SUCCESS;
	}
	return rc;
}

/* ---- the template, and the nonce for its `unique` ------------------------ */

/* Not if the saved context was loaded: then the template is known. */
static TSS2_RC open_start(struct tpm *t)
{
	return key_object(t, KEY_EK) != ESYS_TR_NONE ? STEP_SKIP : nv_open_start(t);
}

/* Logged once for each index: it will be the same after the link was opened again. */
static void log_ignored(struct tpm *t, int err, TSS2_RC rc)
{
	unsigned index = 1U << t->target;

	if (!(t->ek_logged & index)) {
		t->ek_logged |= index;
		t->log(true,
		       t->target == NV_EK_NONCE ? "the EK's nonce in NV is ignored"
						: "the EK's template in NV is ignored",
		       err, rc);
	}
}

/*
 * Was the index read? One that may not be read counts as absent. Any other error ends the
 * operation with *rc: an EK that is created without the index would be another key.
 */
static bool is_there(struct tpm *t, TSS2_RC *rc)
{
	int r = nv_outcome(t);

	nv_close(t);
	*rc = STEP_SKIP;
	if (r == -ERR_CERT_ACCESS) {
		log_ignored(t, r, t->nv.rc);
	} else if (r != 0 && r != -ERR_CERT_ABSENT) {
		*rc = t->nv.rc;
	}
	return r == 0;
}

static TSS2_RC take_template(struct tpm *t)
{
	struct key *ek = &t->keys[KEY_EK];
	TSS2_RC rc;

	if (key_object(t, KEY_EK) != ESYS_TR_NONE) {
		return STEP_SKIP;
	}
	ek->template = &template_ek;
	if (is_there(t, &rc)) {
		if (template_read(t->nv.data, t->nv.len, &t->ek_template)) {
			ek->template = &t->ek_template;
		} else {
			log_ignored(t, 0, 0);
		}
	}
	return rc;
}

static TSS2_RC take_nonce(struct tpm *t)
{
	struct key *ek = &t->keys[KEY_EK];
	TSS2_RC rc;

	if (key_object(t, KEY_EK) != ESYS_TR_NONE) {
		return STEP_SKIP;
	}
	if (is_there(t, &rc)) {
		t->ek_template = *ek->template;
		ek->template = &t->ek_template;
		if (!template_add_nonce(&t->ek_template, t->nv.data, t->nv.len)) {
			log_ignored(t, 0, 0);
		}
	}
	return rc;
}

/* ---- the key ------------------------------------------------------------ */

TSS2_RC ek_look_start(struct tpm *t)
{
	return t->ek_handle_unreadable
		       ? STEP_SKIP
		       : Esys_TR_FromTPMPublic_Async(t->esys, EK_PERSISTENT_HANDLE, ESYS_TR_NONE,
						     ESYS_TR_NONE, ESYS_TR_NONE);
}

TSS2_RC ek_look_finish(struct tpm *t, ESYS_TR *found)
{
	TSS2_RC rc;

	*found = ESYS_TR_NONE;
	rc = Esys_TR_FromTPMPublic_Finish(t->esys, found);
	if (rc_is_tpm(rc) && rc_is_no_handle(rc)) {
		rc = TSS2_RC_SUCCESS;
	} else if (rc == TSS2_ESYS_RC_NOT_IMPLEMENTED || rc == TSS2_ESYS_RC_BAD_VALUE) {
		/* The key's name algorithm is unknown to ESAPI, so it is not the EK. The
		 * link has to be opened again after this; then the key is not read. */
		t->ek_handle_unreadable = true;
	}
	return rc;
}

/* To evict the EK, it is created first, whatever is at the handle (persist_ek.h). */
static TSS2_RC find_start(struct tpm *t)
{
	return key_object(t, KEY_EK) != ESYS_TR_NONE || persist_ek.undo ? STEP_SKIP
									: ek_look_start(t);
}

static TSS2_RC find_finish(struct tpm *t)
{
	return ek_look_finish(t, &t->keys[KEY_EK].persistent);
}

static TSS2_RC read_start(struct tpm *t)
{
	ESYS_TR persistent = t->keys[KEY_EK].persistent;

	if (persistent == ESYS_TR_NONE) {
		return STEP_SKIP;
	}
	return Esys_ReadPublic_Async(t->esys, persistent, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE);
}

static TSS2_RC read_finish(struct tpm *t)
{
	TPM2B_PUBLIC *public = NULL;
	TSS2_RC rc = Esys_ReadPublic_Finish(t->esys, &public, NULL, NULL);

	if (rc != TSS2_RC_SUCCESS) {
		return rc;
	}
	if (template_matches(t->keys[KEY_EK].template, &public->publicArea)) {
		rc = key_learn(t, KEY_EK, public);
	} else {
		t->log(true, "the key at 0x81010001 is of another kind than the EK", 0, 0);
		Esys_TR_Close(t->esys, &t->keys[KEY_EK].persistent);
	}
	Esys_Free(public);
	return rc;
}

static int conclude(struct tpm *t, TSS2_RC rc, bool *stale)
{
	(void)stale;
	nv_close(t);
	if (!(t->facts & FACT_CERT)) {
		/* It may be another EK's (see key_learn). */
		t->id.ek_cert_len = 0;
		t->id.ek_cert_source = NULL;
	}
	if (rc != TSS2_RC_SUCCESS) {
		return rc_error(rc);
	}
	if (spki_rsa(ek_modulus(t), EK_KEY_LEN, KEY_RSA_EXPONENT, t->id.ek_spki,
		     sizeof t->id.ek_spki, &t->id.ek_spki_len) != 0) {
		return -ERR_TPM_RESPONSE; /* a modulus of 0 */
	}
	t->id.ek_persistent = t->keys[KEY_EK].persistent != ESYS_TR_NONE;
	t->facts |= FACT_EK;
	return 0;
}

static const struct step steps[] = {
	{key_load_start, prove_finish, TPM_COMMAND_MS, KEY_EK},
	{open_start, nv_open_finish, TPM_COMMAND_MS, NV_EK_TEMPLATE},
	{nv_public_start, nv_public_finish, TPM_COMMAND_MS, NV_EK_TEMPLATE},
	{nv_read_start, nv_read_finish, TPM_COMMAND_MS, NV_EK_TEMPLATE},
	{take_template, NULL, 0, NV_EK_TEMPLATE},
	{open_start, nv_open_finish, TPM_COMMAND_MS, NV_EK_NONCE},
	{nv_public_start, nv_public_finish, TPM_COMMAND_MS, NV_EK_NONCE},
	{nv_read_start, nv_read_finish, TPM_COMMAND_MS, NV_EK_NONCE},
	{take_nonce, NULL, 0, NV_EK_NONCE},
	{find_start, find_finish, TPM_COMMAND_MS, KEY_EK},
	{read_start, read_finish, TPM_COMMAND_MS, KEY_EK},
	{key_auth_start, session_auth_finish, TPM_COMMAND_MS, KEY_EK},
	{key_create_start, key_create_finish, TPM_CREATE_MS, KEY_EK},
	{key_save_start, key_save_finish, TPM_COMMAND_MS, KEY_EK},
};

const struct operation ek_operation = {STEPS(steps), .begin = begin, .conclude = conclude};
