/*
 * Unmarshals the response of TPM2_GetCapability, in place of tpm2-tss's own function:
 * attestd asks for two of its ten kinds, and the others cost 3 kB. toolchains/deps.mk
 * makes Tss2_Sys_GetCapability call this one.
 */
#include "tpm/capability.h"

#include <string.h>

TSS2_RC capability_unmarshal(const uint8_t *buffer, size_t size, size_t *offset,
			     TPMS_CAPABILITY_DATA *data)
{
	TSS2_RC rc;

	memset(data, 0, sizeof *data);
	rc = Tss2_MU_UINT32_Unmarshal(buffer, size, offset, &data->capability);
	if (rc != TSS2_RC_SUCCESS) {
		return rc;
	}
	if (data->capability == TPM2_CAP_HANDLES) {
		return Tss2_MU_TPML_HANDLE_Unmarshal(buffer, size, offset, &data->data.handles);
	}
	if (data->capability != TPM2_CAP_TPM_PROPERTIES) {
		return TSS2_SYS_RC_MALFORMED_RESPONSE;
	}
	return Tss2_MU_TPML_TAGGED_TPM_PROPERTY_Unmarshal(buffer, size, offset,
							  &data->data.tpmProperties);
}
