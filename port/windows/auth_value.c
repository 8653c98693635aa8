#include <windows.h>

#include "base/wipe.h"
#include "bounds.h"
#include "err.h"
#include "port.h"
#include "sid.h"
#include "tpm_device.h"

#define TBS_NO_AUTH 0x80284015U /* TBS_E_OWNERAUTH_NOT_FOUND, which mingw-w64 lacks */

/* Not needed: Windows provisions the TPM itself. */
int port_owner_auth(uint8_t *buf, size_t *len)
{
	(void)buf;
	*len = 0;
	return -ERR_NOTSUP;
}

int port_endorsement_auth(uint8_t *buf, size_t *len)
{
	UINT32 n = AUTH_MAX;
	TBS_RESULT result;

	*len = 0;
	if (tpm_handle == NULL) {
		return -ERR_IO;
	}
	result = Tbsi_Get_OwnerAuth(tpm_handle, TBS_OWNERAUTH_TYPE_ENDORSEMENT_20, buf, &n);
	if (result == TBS_SUCCESS && n <= AUTH_MAX) {
		*len = n;
		return 0;
	}
	wipe(buf, AUTH_MAX);
	if (result == TBS_NO_AUTH) {
		return 0; /* none was set, so it is empty */
	}
	/* What TBS answers to an account that may not have it is not documented. */
	if (result == TBS_DENIED || !sid_is_administrator()) {
		return -ERR_TPM_DENIED;
	}
	tpm_log_result(result);
	return -ERR_IO;
}
