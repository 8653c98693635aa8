#include "bounds.h"
#include "tpm/aik.h"
#include "tpm/ek.h"
#include "tpm/key.h"
#include "tpm/rc.h"
#include "tpm/session.h"

/* One that was had before may be of an EK that was another's. */
static void begin(struct tpm *t)
{
	key_drop(&t->keys[KEY_AIK]);
}

static TSS2_RC create_start(struct tpm *t)
{
	TSS2_RC rc = key_create_start(t);

	ek_prepare_salt(t);
	return rc;
}

static int conclude(struct tpm *t, TSS2_RC rc, bool *stale)
{
	(void)stale;
	if (rc != TSS2_RC_SUCCESS) {
		return rc_error(rc);
	}
	t->facts |= FACT_AIK;
	return 0;
}

static const struct step steps[] = {
	{key_auth_start, session_auth_finish, TPM_COMMAND_MS, KEY_AIK},
	{create_start, key_create_finish, TPM_CREATE_MS, KEY_AIK},
	{key_save_start, key_save_finish, TPM_COMMAND_MS, KEY_AIK},
};

const struct operation aik_operation = {begin, steps, sizeof steps / sizeof *steps, conclude};
