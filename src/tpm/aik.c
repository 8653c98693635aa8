#include "bounds.h"
#include "err.h"
#include "tpm/aik.h"
#include "tpm/ek.h"
#include "tpm/primary_key.h"
#include "tpm/response_code.h"
#include "tpm/session.h"
#include "tpm/sign.h"

/* An AIK from before may be another TPM's, or from before the TPM was cleared. */
static void begin(struct tpm *t)
{
	key_drop(&t->keys[t->aik]);
}

static TSS2_RC create_start(struct tpm *t)
{
	TSS2_RC rc = key_create_start(t);

	ek_prepare_salt(t);
	return rc;
}

static TSS2_RC certify_start(struct tpm *t)
{
	static const TPM2B_DATA nothing;
	const struct key *aik = &t->keys[t->target];

	return Esys_CertifyCreation_Async(t->esys, aik->loaded, aik->loaded, ESYS_TR_PASSWORD,
					  ESYS_TR_NONE, ESYS_TR_NONE, &nothing, &aik->creation_hash,
					  &sign_scheme, &aik->ticket);
}

/* In lockout the TPM does not let the AIK sign; and a system may block the command
 * (port_tpm_refusal). The AIK is useful without the signature, which is asked for again
 * later (aik_certify_operation). */
static bool is_tolerated(TSS2_RC rc)
{
	return rc_is_tpm(rc) &&
	       (rc_error(rc) == -ERR_TPM_LOCKOUT || rc_tpm(rc) == TPM2_RC_COMMAND_CODE);
}

static TSS2_RC certify_finish(struct tpm *t)
{
	struct signed_attest *created = &t->id.keys[t->target].created;
	TPM2B_ATTEST *attest = NULL;
	TPMT_SIGNATURE *signature = NULL;
	TSS2_RC rc = Esys_CertifyCreation_Finish(t->esys, &attest, &signature);

	created->attest_len = 0;
	rc = sign_take(rc, attest, signature, created);
	return is_tolerated(rc) ? TSS2_RC_SUCCESS : rc;
}

static int conclude(struct tpm *t, TSS2_RC rc, bool *stale)
{
	*stale = rc_is_no_handle(rc);
	if (rc != TSS2_RC_SUCCESS) {
		return rc_error(rc);
	}
	t->facts |= FACT_OF_AIK(t->aik);
	return 0;
}

static const struct step steps[] = {
	{key_auth_start, session_auth_finish, TPM_COMMAND_MS, TARGET_AIK},
	{create_start, key_create_finish, TPM_CREATE_MS, TARGET_AIK},
	{certify_start, certify_finish, TPM_COMMAND_MS, TARGET_AIK},
	{key_save_start, key_save_finish, TPM_COMMAND_MS, TARGET_AIK},
};

static const struct step certify_steps[] = {
	{key_load_start, key_load_finish, TPM_COMMAND_MS, TARGET_AIK},
	{certify_start, certify_finish, TPM_COMMAND_MS, TARGET_AIK},
};

const struct operation aik_certify_operation = {STEPS(certify_steps), .conclude = sign_conclude};
const struct operation aik_ecc_operation = {STEPS(steps), .begin = begin, .conclude = conclude,
					    .aik = KEY_AIK_ECC};
const struct operation aik_rsa_operation = {STEPS(steps), .begin = begin, .conclude = conclude,
					    .aik = KEY_AIK_RSA};
