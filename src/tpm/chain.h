/*
 * The certificates above the EK's, up to its maker's root: from the TPM's NV (TCG
 * EK Credential Profile, 2.2.1.5.2), where each runs on from one index into the
 * next, or from where the port has them.
 */
#ifndef TPM_CHAIN_H
#define TPM_CHAIN_H

#include "tpm/job.h"

extern const struct operation chain_operation;

#endif
