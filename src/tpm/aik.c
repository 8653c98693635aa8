#include <string.h>

#include "bounds.h"
#include "tpm/aik.h"
#include "tpm/ek.h"
#include "tpm/key.h"
#include "tpm/rc.h"
#include "tpm/template.h"

static TSS2_RC create_start(struct tpm *t)
{
	TSS2_RC rc = key_create_start(t, &template_aik);

	ek_prepare_salt(t);
	return rc;
}

static TSS2_RC create_finish(struct tpm *t)
{
	TPM2B_PUBLIC *public;
	TPM2B_NAME *name = NULL;
	TSS2_RC rc = key_create_finish(t, &t->aik_loaded, &public);

	if (rc == TSS2_RC_SUCCESS) {
		rc = key_marshal(public, t->id.aik_tpm, &t->id.aik_tpm_len);
	}
	if (rc == TSS2_RC_SUCCESS) {
		rc = Esys_TR_GetName(t->esys, t->aik_loaded, &name);
	}
	if (rc == TSS2_RC_SUCCESS) {
		memcpy(t->id.aik_name, name->name, name->size);
		t->id.aik_name_len = name->size;
	}
	Esys_Free(name);
	Esys_Free(public);
	return rc;
}

static TSS2_RC save_start(struct tpm *t)
{
	return Esys_ContextSave_Async(t->esys, t->aik_loaded);
}

static TSS2_RC save_finish(struct tpm *t)
{
	return key_save_finish(t, &t->aik_saved);
}

static int conclude(struct tpm *t, TSS2_RC rc, bool *stale)
{
	(void)stale;
	if (rc != TSS2_RC_SUCCESS) {
		return rc_error(rc);
	}
	t->aik_known = true;
	return 0;
}

static const struct step steps[] = {
	{create_start, create_finish, TPM_CREATE_MS},
	{save_start, save_finish, TPM_COMMAND_MS},
};

const struct operation aik_operation = {steps, sizeof steps / sizeof *steps, conclude};
