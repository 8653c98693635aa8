#include "tpm/esapi.h"
#include "tpm/evict_control.h"

/* Both set ESAPI's state as its own functions do (esapi.c). The response has no parameters,
 * so that Tss2_Sys_EvictControl_Complete is not needed. */
TSS2_RC evict_control_send(ESYS_CONTEXT *esys, ESYS_TR object, ESYS_TR session, TPM2_HANDLE handle)
{
	RSRC_NODE_T *owner, *node;
	TSS2_RC rc = iesys_check_sequence_async(esys);

	if (rc == TSS2_RC_SUCCESS) {
		rc = esys_GetResourceObject(esys, ESYS_TR_RH_OWNER, &owner);
	}
	if (rc == TSS2_RC_SUCCESS) {
		rc = esys_GetResourceObject(esys, object, &node);
	}
	if (rc == TSS2_RC_SUCCESS) {
		rc = Tss2_Sys_EvictControl_Prepare(esys->sys, owner->rsrc.handle, node->rsrc.handle,
						   handle);
	}
	if (rc == TSS2_RC_SUCCESS) {
		rc = init_session_tab(esys, session, ESYS_TR_NONE, ESYS_TR_NONE);
	}
	if (rc != TSS2_RC_SUCCESS) {
		return rc;
	}
	iesys_compute_session_value(esys->session_tab[0], &owner->rsrc.name, &owner->auth);
	esys->state = _ESYS_STATE_INTERNALERROR;
	return esapi_send(esys, owner, node, NULL);
}

TSS2_RC evict_control_receive(ESYS_CONTEXT *esys)
{
	TSS2_RC rc;

	esys->state = _ESYS_STATE_INTERNALERROR;
	rc = esapi_receive(esys);
	if (rc == TSS2_RC_SUCCESS) {
		rc = iesys_check_response(esys);
	}
	if (rc == TSS2_RC_SUCCESS) {
		esys->state = _ESYS_STATE_INIT;
	}
	return rc;
}
