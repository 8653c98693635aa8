#include <windows.h>

#include <stddef.h>

#include <tss2_tcti.h>
#include <tss2_tcti_tbs.h>
#include <tss2_tpm2_types.h>

#include "base/wipe.h"
#include "bounds.h"
#include "err.h"
#include "log.h"
#include "port.h"
#include "sid.h"
#include "tpm_deadline.h"
#include "tpm_device.h"

/* Results whose names mingw-w64 lacks. */
#define TBS_CANCELED 0x8028400dU /* TBS_E_COMMAND_CANCELED */
#define TBS_BLOCKED 0x80280400U /* TPM_E_COMMAND_BLOCKED */

/* The upper half of an HRESULT of this facility that is an error: 0x8028xxxx. */
#define FACILITY_TPM 0x8028U

/* TSS2_TCTI_TBS_CONTEXT is private to tpm2-tss; it says how big it is. */
static union {
	max_align_t align;
	uint8_t bytes[256];
} blob;
TBS_HCONTEXT tpm_handle;
static TBS_RESULT last; /* what TBS answered last */
static bool last_ours; /* the last command was cancelled by us */
static bool refused; /* TBS blocked the last command that was answered with "unknown" */

static TSS2_TCTI_CONTEXT *context(void)
{
	return (TSS2_TCTI_CONTEXT *)(void *)&blob;
}

/* TPM 2.0 Library part 1, 18: tag, size, and the code of a command or a response. */
static uint32_t code_of(const BYTE *p, UINT32 n)
{
	return n < 10 ? 0
		      : (uint32_t)p[6] << 24 | (uint32_t)p[7] << 16 | (uint32_t)p[8] << 8 | p[9];
}

static uint32_t limit_ms(const BYTE *command, UINT32 n)
{
	uint32_t code = code_of(command, n);

	return code == TPM2_CC_CreatePrimary || code == TPM2_CC_Create ? TPM_CREATE_MS
								       : TPM_COMMAND_MS;
}

/* ---- what the TCTI calls ----------------------------------------------- */

TBS_RESULT WINAPI tbs_context_create(PCTBS_CONTEXT_PARAMS params, TBS_HCONTEXT *handle)
{
	/* In place of the TCTI's parameters, which have uninitialised bits; one of
	 * them asks for a TPM without a resource manager. */
	const TBS_CONTEXT_PARAMS2 clean = {
		.version = TBS_CONTEXT_VERSION_TWO,
		.includeTpm20 = 1,
	};

	(void)params;
	last = Tbsi_Context_Create((PCTBS_CONTEXT_PARAMS)(const void *)&clean, handle);
	tpm_handle = last == TBS_SUCCESS ? *handle : NULL;
	return last;
}

static void set_code(BYTE *response, uint32_t code)
{
	for (unsigned i = 0; i < 4; i++) {
		response[6 + i] = (BYTE)(code >> (24 - 8 * i));
	}
}

/*
 * TBS answers some commands itself: the call succeeds, and the response code is
 * one of Windows' own. If the TPM has a response code for the same reason, this
 * puts it there; otherwise the call counts as failed. A blocked command must not
 * count as failed, because a link that fails loses the keys that are loaded.
 */
static TBS_RESULT result_of(BYTE *response, UINT32 n)
{
	static const struct {
		uint32_t windows, tpm;
	} same[] = {
		{0x8028000cU, TPM2_RC_REFERENCE_H0}, /* TPM_E_INVALID_KEYHANDLE */
		{0x80280022U, TPM2_RC_REFERENCE_H0}, /* TPM_E_INVALID_AUTHHANDLE */
		{0x80280401U, TPM2_RC_REFERENCE_H0}, /* TPM_E_INVALID_HANDLE */
		{TBS_BLOCKED, TPM2_RC_COMMAND_CODE},
		{0x80280402U, TPM2_RC_RETRY}, /* TPM_E_DUPLICATE_VHANDLE: ask again */
		{0x80280800U, TPM2_RC_RETRY}, /* TPM_E_RETRY */
	};
	uint32_t code = code_of(response, n);

	if (code == TBS_BLOCKED || code == TPM2_RC_COMMAND_CODE) {
		refused = code == TBS_BLOCKED;
	}
	if (code >> 16 != FACILITY_TPM) {
		/* A TPM whose command is cancelled may answer that itself. */
		return code == TPM2_RC_CANCELED && last_ours ? TBS_CANCELED : TBS_SUCCESS;
	}
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		if (same[i].windows == code) {
			set_code(response, same[i].tpm);
			return TBS_SUCCESS;
		}
	}
	return code;
}

TBS_RESULT WINAPI tbs_submit_command(TBS_HCONTEXT handle, TBS_COMMAND_LOCALITY locality,
				     TBS_COMMAND_PRIORITY priority, const BYTE *command,
				     UINT32 command_len, BYTE *response, UINT32 *response_len)
{
	tpm_deadline_begin(handle, limit_ms(command, command_len));
	last = Tbsip_Submit_Command(handle, locality, priority, command, command_len, response,
				    response_len);
	last_ours = tpm_deadline_end();
	if (last == TBS_SUCCESS) {
		last = result_of(response, *response_len);
	}
	return last;
}

/* ---- why it failed ----------------------------------------------------- */

/* Not every time: attestd tries to open the TPM again and again. */
void tpm_log_result(TBS_RESULT result)
{
	static TBS_RESULT told;

	if (result != told) {
		told = result;
		log_reason(PORT_LOG_WARNING, "TPM Base Services", NULL, result);
	}
}

bool port_tpm_is_bare(void)
{
	return false; /* TBS is a resource manager */
}

bool port_tpm_holds_keys(void)
{
	return true; /* TBS lets no other program save or load contexts */
}

/* Who is no administrator may send only a few commands. */
static int blocked(void)
{
	return sid_is_administrator() ? -ERR_TPM_BLOCKED : -ERR_TPM_DENIED;
}

int port_tpm_refusal(void)
{
	return refused ? blocked() : 0;
}

int port_tpm_fault(void)
{
	switch (last) {
	case TBS_SUCCESS:
	case (TBS_RESULT)TBS_E_TPM_NOT_FOUND:
	case (TBS_RESULT)TBS_E_SERVICE_START_PENDING: /* it will come */
		return -ERR_TPM_UNAVAILABLE;
	case (TBS_RESULT)TBS_E_SERVICE_NOT_RUNNING:
	case (TBS_RESULT)TBS_E_SERVICE_DISABLED:
		return -ERR_TPM_SERVICE;
	case TBS_CANCELED:
		/* Not by us: TBS cancels a running command when the machine goes to sleep. */
		return last_ours ? -ERR_TPM_TIMEOUT : -ERR_TPM_CANCELED;
	case TBS_DENIED:
		return -ERR_TPM_DENIED;
	case TBS_BLOCKED:
		return blocked();
	default:
		tpm_log_result(last);
		return -ERR_TPM_UNAVAILABLE;
	}
}

/* TBS creates no context for a TPM 1.2, but answers this without one. */
static bool is_tpm12(void)
{
	TPM_DEVICE_INFO info = {0};

	return Tbsi_GetDeviceInfo(sizeof(info), &info) == TBS_SUCCESS &&
	       info.tpmVersion == TPM_VERSION_12;
}

/* ---- the contract ------------------------------------------------------ */

int port_tpm_open(TSS2_TCTI_CONTEXT **tcti, const char **device)
{
	size_t size = 0;

	*tcti = NULL;
	*device = NULL;
	port_tpm_close();
	if (Tss2_Tcti_Tbs_Init(NULL, &size, NULL) != TSS2_RC_SUCCESS || size > sizeof(blob)) {
		return -ERR_TPM_UNAVAILABLE;
	}
	last = TBS_SUCCESS;
	if (Tss2_Tcti_Tbs_Init(context(), &size, NULL) != TSS2_RC_SUCCESS) {
		bool unfit = last == TBS_SUCCESS || last == (TBS_RESULT)TBS_E_TPM_NOT_FOUND;

		tpm_handle = NULL;
		return unfit && is_tpm12() ? -ERR_TPM_VERSION : port_tpm_fault();
	}
	*tcti = context();
	*device = "TBS";
	return 0;
}

void port_tpm_close(void)
{
	if (tpm_handle != NULL) {
		Tss2_Tcti_Finalize(context());
		wipe(&blob, sizeof(blob));
		tpm_handle = NULL;
	}
}

int port_tpm_arm(void)
{
	return -ERR_NOTSUP; /* sending a command to TBS waits for the response */
}
