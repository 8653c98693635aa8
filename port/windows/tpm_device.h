/*
 * TPM Base Services (TBS).
 */
#ifndef WINDOWS_TPM_DEVICE_H
#define WINDOWS_TPM_DEVICE_H

#include <windows.h>

#include <Tbs.h>

/* TBS_E_ACCESS_DENIED, which mingw-w64 lacks. */
#define TBS_DENIED 0x80284012U

/* NULL while the TPM is not open. */
extern TBS_HCONTEXT tpm_handle;
/* Logs what TBS answered, once for each new answer. */
void tpm_log_result(TBS_RESULT result);

/*
 * tpm2-tss calls these in place of TBS's own functions, as it is compiled with
 * -DTbsi_Context_Create=tbs_context_create -DTbsip_Submit_Command=tbs_submit_command.
 * Its TCTI does not say why something failed, and has no time limit; these keep
 * the reason and set a limit.
 */
TBS_RESULT WINAPI tbs_context_create(PCTBS_CONTEXT_PARAMS params, TBS_HCONTEXT *handle);
TBS_RESULT WINAPI tbs_submit_command(TBS_HCONTEXT handle, TBS_COMMAND_LOCALITY locality,
				     TBS_COMMAND_PRIORITY priority, const BYTE *command,
				     UINT32 command_len, BYTE *response, UINT32 *response_len);

#endif
