#include "tpm/esapi.h"

#include <string.h>

/* If the command was not sent, ESAPI is ready for the next one (_ESYS_STATE_INIT). If sending
 * failed, or the response is malformed, ESAPI stays in the state that its Async and Finish
 * begin with, _ESYS_STATE_INTERNALERROR, and the link has to be opened again. */
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

/* The TPM has asked for the command to be sent again. */
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

/* Writes what ESAPI knows of the object, then the TPM's context with its size. */
TSS2_RC esapi_context_pack(const IESYS_CONTEXT_DATA *data, uint8_t *buffer, size_t size,
			   size_t *used)
{
	const IESYS_RESOURCE *known = &data->esysMetadata.data;
	const TPM2B_CONTEXT_DATA *context = &data->tpmContext;
	size_t len = sizeof context->size + context->size;

	if (size - sizeof *known < len) {
		return TSS2_ESYS_RC_INSUFFICIENT_CONTEXT;
	}
	memcpy(buffer, known, sizeof *known);
	memcpy(buffer + sizeof *known, context, len);
	*used = sizeof *known + len;
	return TSS2_RC_SUCCESS;
}

TSS2_RC esapi_context_unpack(const uint8_t *buffer, IESYS_CONTEXT_DATA *data)
{
	IESYS_RESOURCE *known = &data->esysMetadata.data;
	TPM2B_CONTEXT_DATA *context = &data->tpmContext;

	memcpy(known, buffer, sizeof *known);
	memcpy(&context->size, buffer + sizeof *known, sizeof context->size);
	memcpy(context->buffer, buffer + sizeof *known + sizeof context->size, context->size);
	return TSS2_RC_SUCCESS;
}
