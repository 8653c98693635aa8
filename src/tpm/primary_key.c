#include <string.h>

#include <tss2/tss2_mu.h>

#include "bounds.h"
#include "err.h"
#include "port.h"
#include "tpm/primary_key.h"
#include "tpm/response_code.h"
#include "tpm/session.h"
#include "tpm/template.h"

void key_init(struct tpm *t)
{
	templates_make();
	t->keys[KEY_EK].template = &template_ek;
	t->keys[KEY_EK].dependent_facts = FACT_INFO | FACT_CERT | FACT_CHAIN | FACT_AIKS;
	t->keys[KEY_AIK_ECC].template = &template_aik_ecc;
	t->keys[KEY_AIK_RSA].template = &template_aik_rsa;
	for (unsigned k = 0; k < KEYS; k++) {
		t->keys[k].persistent = ESYS_TR_NONE;
		t->keys[k].loaded = ESYS_TR_NONE;
	}
}

static struct key *current(struct tpm *t)
{
	return &t->keys[t->target];
}

ESYS_TR key_object(const struct tpm *t, enum key_index id)
{
	const struct key *key = &t->keys[id];

	return key->persistent != ESYS_TR_NONE ? key->persistent : key->loaded;
}

TSS2_RC key_load_start(struct tpm *t)
{
	TPMS_CONTEXT *saved = current(t)->saved;

	return saved == NULL || port_tpm_holds_keys() ? STEP_SKIP
						      : Esys_ContextLoad_Async(t->esys, saved);
}

TSS2_RC key_load_finish(struct tpm *t)
{
	ESYS_TR loaded = ESYS_TR_NONE;
	TSS2_RC rc = Esys_ContextLoad_Finish(t->esys, &loaded);

	if (rc == TSS2_RC_SUCCESS) {
		current(t)->loaded = loaded;
	}
	return rc;
}

TSS2_RC key_auth_start(struct tpm *t)
{
	return key_object(t, t->target) != ESYS_TR_NONE ? STEP_SKIP : session_auth_start(t);
}

TSS2_RC key_create_start(struct tpm *t)
{
	static const TPM2B_SENSITIVE_CREATE sensitive;
	static const TPM2B_DATA outside_info;
	static const TPML_PCR_SELECTION creation_pcr;

	if (key_object(t, t->target) != ESYS_TR_NONE) {
		return STEP_SKIP;
	}
	return Esys_CreatePrimary_Async(t->esys, ESYS_TR_RH_ENDORSEMENT, session_auth(t),
					ESYS_TR_NONE, ESYS_TR_NONE, &sensitive,
					current(t)->template, &outside_info, &creation_pcr);
}

/* Keeps how the key was created, and what TPM2_CertifyCreation needs. */
static TSS2_RC learn_creation(struct tpm *t, const TPM2B_CREATION_DATA *data,
			      const TPM2B_DIGEST *hash, const TPMT_TK_CREATION *ticket)
{
	struct key_public *known = &t->id.keys[t->target];

	current(t)->creation_hash = *hash;
	current(t)->ticket = *ticket;
	known->creation_len = 0;
	return Tss2_MU_TPMS_CREATION_DATA_Marshal(&data->creationData, known->creation,
						  sizeof known->creation, &known->creation_len);
}

TSS2_RC key_create_finish(struct tpm *t)
{
	ESYS_TR created = ESYS_TR_NONE;
	TPM2B_PUBLIC *public = NULL;
	TPM2B_CREATION_DATA *data = NULL;
	TPM2B_DIGEST *hash = NULL;
	TPMT_TK_CREATION *ticket = NULL;
	TSS2_RC rc = Esys_CreatePrimary_Finish(t->esys, &created, &public, &data, &hash, &ticket);

	if (rc != TSS2_RC_SUCCESS) {
		return rc;
	}
	session_auth_used(t);
	current(t)->loaded = created;
	rc = key_learn(t, t->target, public);
	if (rc == TSS2_RC_SUCCESS) {
		rc = learn_creation(t, data, hash, ticket);
	}
	Esys_Free(public);
	Esys_Free(data);
	Esys_Free(hash);
	Esys_Free(ticket);
	return rc;
}

TSS2_RC key_save_start(struct tpm *t)
{
	const struct key *key = current(t);

	if (key->loaded == ESYS_TR_NONE || key->saved != NULL || port_tpm_holds_keys()) {
		return STEP_SKIP;
	}
	return Esys_ContextSave_Async(t->esys, key->loaded);
}

TSS2_RC key_save_finish(struct tpm *t)
{
	TPMS_CONTEXT *context = NULL;
	TSS2_RC rc = Esys_ContextSave_Finish(t->esys, &context);

	if (rc == TSS2_RC_SUCCESS) {
		current(t)->saved = context;
	}
	return rc;
}

/* The SubjectPublicKeyInfo and the salt are made from an RSA key's public area, and rely on
 * its exponent, and on a modulus as long as the template's. */
static bool is_of_kind(const TPM2B_PUBLIC *template, const TPM2B_PUBLIC *public)
{
	const TPMT_PUBLIC *want = &template->publicArea, *is = &public->publicArea;
	uint32_t exponent = is->parameters.rsaDetail.exponent;

	return is->type == want->type &&
	       (is->type != TPM2_ALG_RSA ||
		(is->unique.rsa.size == want->parameters.rsaDetail.keyBits / 8 &&
		 (exponent == 0 || exponent == KEY_RSA_EXPONENT)));
}

TSS2_RC key_name(const struct tpm *t, ESYS_TR object, uint8_t *buf, size_t *len)
{
	TPM2B_NAME *name = NULL;
	TSS2_RC rc = Esys_TR_GetName(t->esys, object, &name);

	static_assert(TPM_NAME_MAX >= sizeof(TPMI_ALG_HASH) + sizeof(TPMU_HA), "a Name fits");
	*len = 0;
	if (rc == TSS2_RC_SUCCESS) {
		memcpy(buf, name->name, name->size);
		*len = name->size;
	}
	Esys_Free(name);
	return rc;
}

TSS2_RC key_learn(struct tpm *t, enum key_index id, const TPM2B_PUBLIC *public)
{
	struct key_public *known = &t->id.keys[id];
	uint8_t found[TPM_PUBLIC_MAX];
	size_t len;
	TSS2_RC rc = key_marshal(public, found, &len);

	if (rc != TSS2_RC_SUCCESS) {
		return rc;
	}
	if (!is_of_kind(t->keys[id].template, public)) {
		return TSS2_ESYS_RC_MALFORMED_RESPONSE;
	}
	if (known->tpm_len > 0 && (len != known->tpm_len || memcmp(found, known->tpm, len) != 0)) {
		t->facts &= ~t->keys[id].dependent_facts;
	}
	memcpy(known->tpm, found, len);
	known->tpm_len = len;
	return key_name(t, key_object(t, id), known->name, &known->name_len);
}

bool key_is_stale(const struct tpm *t, TSS2_RC rc)
{
	int r = rc_is_tpm(rc) ? rc_error(rc) : 0;

	return r != 0 && (rc_is_no_handle(rc) ||
			  (!t->client_data_sent && (r == -ERR_TPM_RC || r == -ERR_TPM_FAILURE)));
}

void key_drop(struct key *key)
{
	Esys_Free(key->saved);
	key->saved = NULL;
}

TSS2_RC key_marshal(const TPM2B_PUBLIC *public, uint8_t *buf, size_t *len)
{
	*len = 0;
	return Tss2_MU_TPM2B_PUBLIC_Marshal(public, buf, TPM_PUBLIC_MAX, len);
}
