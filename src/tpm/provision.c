#include <string.h>

#include "bounds.h"
#include "err.h"
#include "port.h"
#include "tpm/ek.h"
#include "tpm/job.h"
#include "tpm/key.h"
#include "tpm/provision.h"
#include "tpm/session.h"
#include "wire/wipe.h"

struct provision provision;

static ESYS_TR there; /* what is at the handle, or ESYS_TR_NONE */
static bool asked; /* the TPM has answered the command: */
static TSS2_RC refusal; /* 0, or what it has against it */
static bool granted; /* once it had nothing */

/* What it is to be proven to be is made anew, though it is there. */
static void begin(struct tpm *t)
{
	ESYS_TR *persistent = &t->keys[KEY_EK].persistent;

	there = ESYS_TR_NONE;
	asked = false;
	refusal = TSS2_RC_SUCCESS;
	if (provision.undo && *persistent != ESYS_TR_NONE) {
		Esys_TR_Close(t->esys, persistent);
	}
}

/* By the Name, which ESAPI computes of the public area that was read. */
static bool is_ek(const struct tpm *t)
{
	const struct key_public *ek = &t->id.keys[KEY_EK];
	TPM2B_NAME *name = NULL;
	bool is = Esys_TR_GetName(t->esys, there, &name) == TSS2_RC_SUCCESS &&
		  name->size == ek->name_len && memcmp(name->name, ek->name, ek->name_len) == 0;

	Esys_Free(name);
	return is;
}

static TSS2_RC look_start(struct tpm *t)
{
	if (there != ESYS_TR_NONE) {
		Esys_TR_Close(t->esys, &there);
	}
	provision.found = PROVISION_OTHER; /* where that is known without a look */
	return ek_look_start(t);
}

static enum provision_found wanted(void)
{
	return provision.undo ? PROVISION_EMPTY : PROVISION_EK;
}

static TSS2_RC look_finish(struct tpm *t)
{
	TSS2_RC rc = ek_look_finish(t, &there);

	if (rc == TSS2_RC_SUCCESS) {
		provision.found = there == ESYS_TR_NONE ? PROVISION_EMPTY
				  : is_ek(t)            ? PROVISION_EK
							: PROVISION_OTHER;
		/* A TPM that had nothing against it, and shows that it is not done, or
		 * a third thing, is in contradiction, or what it says is damaged. */
		provision.unseen = provision.unseen && provision.found != wanted() &&
				   (granted || provision.found == PROVISION_OTHER);
	}
	return rc;
}

static bool is_done(void)
{
	return provision.dry_run || provision.found == wanted();
}

/*
 * What is there decides, the second time as well, whatever the TPM has said. Unlike
 * endorsementAuth's this session is salted, for the EK is loaded by now.
 */
static TSS2_RC owner_start(struct tpm *t)
{
	TPM2B_AUTH auth;
	size_t len;
	TSS2_RC rc;

	if (provision.found == PROVISION_OTHER) {
		return STEP_REFUSE;
	}
	if (!is_done() && asked) {
		return refusal != TSS2_RC_SUCCESS ? refusal : TSS2_ESYS_RC_MALFORMED_RESPONSE;
	}
	static_assert(AUTH_MAX <= sizeof auth.buffer, "an authorisation fits");
	if (is_done() || port_owner_auth(auth.buffer, &len) != 0 || len == 0) {
		return STEP_SKIP;
	}
	auth.size = (UINT16)len;
	rc = Esys_TR_SetAuth(t->esys, ESYS_TR_RH_OWNER, &auth);
	wipe(&auth, sizeof auth);
	return rc != TSS2_RC_SUCCESS ? rc : session_hmac_start(t, key_object(t, KEY_EK));
}

static TSS2_RC evict_start(struct tpm *t)
{
	if (is_done()) {
		return STEP_SKIP;
	}
	provision.sent = true;
	provision.unseen = true;
	return Esys_EvictControl_Async(
		t->esys, ESYS_TR_RH_OWNER, provision.undo ? there : t->keys[KEY_EK].loaded,
		session_auth(t), ESYS_TR_NONE, ESYS_TR_NONE, EK_PERSISTENT_HANDLE);
}

/* A refusal is not the end: what came of it is looked at. */
static TSS2_RC evict_finish(struct tpm *t)
{
	ESYS_TR made = ESYS_TR_NONE;
	TSS2_RC rc = Esys_EvictControl_Finish(t->esys, &made);

	if (rc == TSS2_RC_SUCCESS) {
		session_auth_used(t);
		granted = true;
		if (provision.undo) {
			there = ESYS_TR_NONE; /* ESAPI has closed it */
		} else {
			Esys_TR_Close(t->esys, &made);
		}
	} else if (!rc_is_tpm(rc)) {
		return rc;
	} else {
		provision.sent = false;
		if (rc_is_retry(rc)) {
			provision.unseen = false;
			return rc;
		}
	}
	asked = true;
	refusal = rc;
	return STEP_LOOP;
}

/* The same codes say of the owner's hierarchy what they say of the EK's elsewhere. */
static const char *explain(int err)
{
	return rc_base(refusal) == TPM2_RC_NV_SPACE
		       ? "the TPM has no room for one more persistent object"
	       : err == -ERR_TPM_AUTH
		       ? "the owner hierarchy has an authorisation set: see --owner-auth"
	       : err == -ERR_TPM_HIERARCHY ? "the owner hierarchy is disabled"
					   : NULL;
}

static int conclude(struct tpm *t, TSS2_RC rc, bool *stale)
{
	int err = rc == TSS2_RC_SUCCESS ? 0 : rc == STEP_REFUSE ? -ERR_ADDRESS : rc_error(rc);

	*stale = refusal == TSS2_RC_SUCCESS && key_is_stale(t, rc);
	provision.done = rc == TSS2_RC_SUCCESS;
	provision.why = refusal != TSS2_RC_SUCCESS && rc == refusal ? explain(err) : NULL;
	return err;
}

enum { LOOK = 3 };
static const struct step steps[] = {
	{key_load_start, key_load_finish, TPM_COMMAND_MS, KEY_EK},
	{key_auth_start, session_auth_finish, TPM_COMMAND_MS, KEY_EK},
	{key_create_start, key_create_finish, TPM_CREATE_MS, KEY_EK},
	[LOOK] = {look_start, look_finish, TPM_COMMAND_MS, KEY_EK},
	{owner_start, session_auth_finish, TPM_COMMAND_MS, 0},
	{evict_start, evict_finish, TPM_COMMAND_MS, 0},
};

const struct operation provision_operation = {STEPS(steps), .begin = begin, .conclude = conclude,
					      .loop = LOOK};

void provision_cut(void)
{
	job_cut();
}
