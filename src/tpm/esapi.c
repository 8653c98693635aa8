#include "tpm/esapi.h"

/* A command that is not sent leaves ESAPI ready for the next one; one that cannot
 * be, or whose response is nonsense, leaves it in the state that its Async and
 * Finish begin with: _ESYS_STATE_INTERNALERROR. */
TSS2_RC esapi_send(ESYS_CONTEXT *esys, RSRC_NODE_T *h1, RSRC_NODE_T *h2, RSRC_NODE_T *h3)
{
	TSS2L_SYS_AUTH_COMMAND auths;
	TSS2_RC rc = iesys_gen_auths(esys, h1, h2, h3, &auths);

	if (rc == TSS2_RC_SUCCESS) {
		esys->authsCount = auths.count;
		if (auths.count > 0) {
			rc = Tss2_Sys_SetCmdAuths(esys->sys, &auths);
		}
	}
	if (rc != TSS2_RC_SUCCESS) {
		esys->state = _ESYS_STATE_INIT;
		return rc;
	}
	rc = Tss2_Sys_ExecuteAsync(esys->sys);
	if (rc == TSS2_RC_SUCCESS) {
		esys->state = _ESYS_STATE_SENT;
	}
	return rc;
}

/* "Not now." */
static TSS2_RC send_again(ESYS_CONTEXT *esys, TSS2_RC why)
{
	TSS2_RC rc;

	if (esys->submissionCount++ >= _ESYS_MAX_SUBMISSIONS) {
		esys->state = _ESYS_STATE_INIT;
		return why;
	}
	esys->state = _ESYS_STATE_RESUBMISSION;
	rc = Tss2_Sys_ExecuteAsync(esys->sys);
	return rc == TSS2_RC_SUCCESS ? TSS2_ESYS_RC_TRY_AGAIN : rc;
}

TSS2_RC esapi_receive(ESYS_CONTEXT *esys)
{
	TSS2_RC rc = Tss2_Sys_ExecuteFinish(esys->sys, esys->timeout);

	if ((rc & ~TSS2_RC_LAYER_MASK) == TSS2_BASE_RC_TRY_AGAIN) {
		esys->state = _ESYS_STATE_SENT;
	} else if (rc == TPM2_RC_RETRY || rc == TPM2_RC_TESTING || rc == TPM2_RC_YIELDED) {
		rc = send_again(esys, rc);
	} else if (iesys_tpm_error(rc)) {
		esys->state = _ESYS_STATE_INIT;
	}
	return rc;
}
