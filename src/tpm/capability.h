#ifndef TPM_CAPABILITY_H
#define TPM_CAPABILITY_H

#include <stddef.h>
#include <stdint.h>
#include <tss2/tss2_mu.h>

/*
 * TPMS_CAPABILITY_DATA (TPM 2.0 Library part 2, 10.10.1) at buffer[*offset] of
 * `size` bytes; *offset moves after it. Only TPM2_CAP_TPM_PROPERTIES and TPM2_CAP_HANDLES:
 * any other is TSS2_SYS_RC_MALFORMED_RESPONSE. After an error *data and *offset are
 * unspecified.
 */
TSS2_RC capability_unmarshal(const uint8_t *buffer, size_t size, size_t *offset,
			     TPMS_CAPABILITY_DATA *data);

#endif
