/*
 * The certificates above the EK's, up to its maker's root: from the TPM's NV, where they
 * follow each other without regard to the ends of indices (TCG EK Credential Profile,
 * 2.2.1.5.2), or else from the port (port_ek_chain).
 */
#ifndef TPM_CHAIN_H
#define TPM_CHAIN_H

#include "tpm/job.h"

extern const struct operation chain_operation;

#endif
