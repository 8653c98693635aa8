#include <string.h>

#include "base/wipe.h"
#include "bounds.h"
#include "err.h"
#include "port.h"
#include "tpm/ek.h"
#include "tpm/evict_control.h"
#include "tpm/job.h"
#include "tpm/persist_ek.h"
#include "tpm/primary_key.h"
#include "tpm/session.h"

struct persist_ek persist_ek;

static ESYS_TR at_handle; /* the object at the handle, or ESYS_TR_NONE */
static bool refused; /* the TPM has refused TPM2_EvictControl */

static enum handle_content wanted(void)
{
	return persist_ek.undo ? HANDLE_EMPTY : HANDLE_EK;
}

static bool is_done(void)
{
	return persist_ek.dry_run || persist_ek.found == wanted();
}

static bool is_ek(const struct tpm *t)
{
	const struct key_public *ek = &t->id.keys[KEY_EK];
	uint8_t name[TPM_NAME_MAX];
	size_t len;

	return key_name(t, at_handle, name, &len) == TSS2_RC_SUCCESS && len == ek->name_len &&
	       memcmp(name, ek->name, len) == 0;
}

static TSS2_RC look_start(struct tpm *t)
{
	refused = false;
	persist_ek.found = HANDLE_OTHER; /* if ek_look_start skips it: ESAPI cannot read it */
	return ek_look_start(t);
}

static TSS2_RC look_finish(struct tpm *t)
{
	TSS2_RC rc = ek_look_finish(t, &at_handle);

	if (rc == TSS2_RC_SUCCESS) {
		persist_ek.found = at_handle == ESYS_TR_NONE ? HANDLE_EMPTY
				   : is_ek(t)                ? HANDLE_EK
							     : HANDLE_OTHER;
		/* HANDLE_OTHER may be the EK, if the response was damaged on its way. */
		persist_ek.unseen = persist_ek.unseen && persist_ek.found == HANDLE_OTHER;
	}
	return rc;
}

/* Unlike endorsementAuth's, this session can be salted, because the EK is loaded. */
static TSS2_RC owner_start(struct tpm *t)
{
	TPM2B_AUTH auth;
	size_t len;
	TSS2_RC rc;

	if (persist_ek.found == HANDLE_OTHER) {
		return STEP_REFUSE;
	}
	static_assert(AUTH_MAX <= sizeof auth.buffer, "an authorisation fits");
	if (is_done() || port_owner_auth(auth.buffer, &len) != 0 || len == 0) {
		return STEP_SKIP;
	}
	auth.size = (UINT16)len;
	rc = Esys_TR_SetAuth(t->esys, ESYS_TR_RH_OWNER, &auth);
	wipe(&auth, sizeof auth);
	return rc != TSS2_RC_SUCCESS ? rc : session_hmac_start(t, t->keys[KEY_EK].loaded);
}

static TSS2_RC evict_start(struct tpm *t)
{
	if (is_done()) {
		return STEP_SKIP;
	}
	persist_ek.sent = true;
	persist_ek.unseen = true;
	return evict_control_send(t->esys, persist_ek.undo ? at_handle : t->keys[KEY_EK].loaded,
				  session_auth(t), EK_PERSISTENT_HANDLE);
}

static TSS2_RC evict_finish(struct tpm *t)
{
	TSS2_RC rc = evict_control_receive(t->esys);

	if (rc == TSS2_RC_SUCCESS) {
		session_auth_used(t);
		persist_ek.unseen = false;
		persist_ek.found = wanted();
	} else if (rc_is_tpm(rc)) {
		refused = true;
		persist_ek.sent = false;
		persist_ek.unseen = false;
	}
	return rc;
}

/* These codes are about the owner hierarchy here; everywhere else they are about the
 * endorsement hierarchy, as the errors' messages say. */
static const char *explain(TSS2_RC rc, int err)
{
	return rc_base(rc) == TPM2_RC_NV_SPACE
		       ? "the TPM has no room for one more persistent object"
	       : err == -ERR_TPM_AUTH || err == -ERR_TPM_HIERARCHY
		       ? "the owner hierarchy has an authorisation set (--owner-auth), or is "
			 "disabled"
		       : NULL;
}

static int conclude(struct tpm *t, TSS2_RC rc, bool *stale)
{
	int err = rc == TSS2_RC_SUCCESS ? 0 : rc == STEP_REFUSE ? -ERR_ADDRESS : rc_error(rc);

	*stale = !refused && key_is_stale(t, rc);
	persist_ek.done = err == 0;
	persist_ek.why = refused ? explain(rc, err) : NULL;
	return err;
}

static const struct step steps[] = {
	{key_load_start, key_load_finish, TPM_COMMAND_MS, KEY_EK},
	{look_start, look_finish, TPM_COMMAND_MS, KEY_EK},
	{owner_start, session_auth_finish, TPM_COMMAND_MS, 0},
	{evict_start, evict_finish, TPM_COMMAND_MS, 0},
};

const struct operation persist_ek_operation = {STEPS(steps), .conclude = conclude};

void persist_ek_abandon(void)
{
	job_abandon();
}
