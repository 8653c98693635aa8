/*
 * What the TPM says of itself (TPM2_GetCapability, TPM_CAP_TPM_PROPERTIES). A
 * TPM that does not say is read in small pieces.
 */
#ifndef TPM_INFO_H
#define TPM_INFO_H

#include "tpm/job.h"

extern const struct operation info_operation;

#endif
