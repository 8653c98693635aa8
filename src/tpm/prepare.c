/*
 * The first part of each Tss2_Sys_X_Prepare, in place of tpm2-tss's own function, whose table
 * has all of TPM 2.0's commands; attestd sends sixteen. toolchains/deps.mk renames tpm2-tss's.
 */
#include "sysapi_util.h"

static const struct {
	uint16_t code;
	uint8_t handles, response_handles; /* how many */
} commands[] = {
	{TPM2_CC_ActivateCredential, 2, 0}, {TPM2_CC_Certify, 2, 0},
	{TPM2_CC_CertifyCreation, 2, 0},    {TPM2_CC_ContextLoad, 0, 1},
	{TPM2_CC_ContextSave, 1, 0},        {TPM2_CC_CreatePrimary, 1, 1},
	{TPM2_CC_EvictControl, 2, 0},       {TPM2_CC_FlushContext, 1, 0},
	{TPM2_CC_GetCapability, 0, 0},      {TPM2_CC_NV_Read, 2, 0},
	{TPM2_CC_NV_ReadPublic, 1, 0},      {TPM2_CC_PCR_Read, 0, 0},
	{TPM2_CC_PolicySecret, 2, 0},       {TPM2_CC_Quote, 1, 0},
	{TPM2_CC_ReadPublic, 1, 0},         {TPM2_CC_StartAuthSession, 2, 1},
};
#define COMMANDS (sizeof commands / sizeof *commands)

TSS2_RC CommonPreparePrologue(_TSS2_SYS_CONTEXT_BLOB *ctx, TPM2_CC commandCode)
{
	size_t i = 0;
	TSS2_RC rc;

	InitSysContextFields(ctx);
	if (ctx->previousStage != CMD_STAGE_INITIALIZE &&
	    ctx->previousStage != CMD_STAGE_RECEIVE_RESPONSE &&
	    ctx->previousStage != CMD_STAGE_PREPARE) {
		return TSS2_SYS_RC_BAD_SEQUENCE;
	}
	while (i < COMMANDS && commands[i].code != commandCode) {
		i++;
	}
	if (i == COMMANDS) {
		return TSS2_SYS_RC_BAD_VALUE;
	}
	rc = CopyCommandHeader(ctx, commandCode);
	if (rc == TSS2_RC_SUCCESS) {
		ctx->commandCode = commandCode;
		ctx->numResponseHandles = commands[i].response_handles;
		ctx->rspParamsSize =
			(UINT32 *)(void *)(ctx->cmdBuffer + sizeof(TPM20_Header_Out) +
					   commands[i].response_handles * sizeof(TPM2_HANDLE));
		ctx->cpBuffer =
			ctx->cmdBuffer + ctx->nextData + commands[i].handles * sizeof(TPM2_HANDLE);
	}
	return rc;
}
