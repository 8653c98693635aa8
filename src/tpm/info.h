/*
 * The TPM's manufacturer, firmware and NV_BUFFER_MAX (TPM2_GetCapability,
 * TPM_CAP_TPM_PROPERTIES). Always succeeds: where the TPM refuses, they are 0, and
 * NV_CHUNK_MIN is used.
 */
#ifndef TPM_INFO_H
#define TPM_INFO_H

#include "tpm/job.h"

extern const struct operation info_operation;

#endif
