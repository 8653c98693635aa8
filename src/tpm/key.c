#include <tss2/tss2_mu.h>

#include "bounds.h"
#include "tpm/key.h"

TSS2_RC key_create_start(struct tpm *t, const TPM2B_PUBLIC *template)
{
	static const TPM2B_SENSITIVE_CREATE sensitive;
	static const TPM2B_DATA outside_info;
	static const TPML_PCR_SELECTION creation_pcr;

	return Esys_CreatePrimary_Async(t->esys, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD,
					ESYS_TR_NONE, ESYS_TR_NONE, &sensitive, template,
					&outside_info, &creation_pcr);
}

TSS2_RC key_create_finish(struct tpm *t, ESYS_TR *object, TPM2B_PUBLIC **public)
{
	ESYS_TR created = ESYS_TR_NONE;
	TSS2_RC rc;

	*public = NULL;
	rc = Esys_CreatePrimary_Finish(t->esys, &created, public, NULL, NULL, NULL);
	if (rc == TSS2_RC_SUCCESS) {
		*object = created;
	} else {
		*public = NULL;
	}
	return rc;
}

TSS2_RC key_save_finish(struct tpm *t, TPMS_CONTEXT **saved)
{
	TPMS_CONTEXT *context = NULL;
	TSS2_RC rc = Esys_ContextSave_Finish(t->esys, &context);

	if (rc == TSS2_RC_SUCCESS) {
		key_drop(saved);
		*saved = context;
	}
	return rc;
}

TSS2_RC key_load_finish(struct tpm *t, ESYS_TR *object)
{
	ESYS_TR loaded = ESYS_TR_NONE;
	TSS2_RC rc = Esys_ContextLoad_Finish(t->esys, &loaded);

	if (rc == TSS2_RC_SUCCESS) {
		*object = loaded;
	}
	return rc;
}

void key_drop(TPMS_CONTEXT **saved)
{
	Esys_Free(*saved);
	*saved = NULL;
}

TSS2_RC key_marshal(const TPM2B_PUBLIC *public, uint8_t *buf, size_t *len)
{
	*len = 0;
	return Tss2_MU_TPM2B_PUBLIC_Marshal(public, buf, TPM_PUBLIC_MAX, len);
}
