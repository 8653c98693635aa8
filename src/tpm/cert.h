/*
 * The EK certificate: from the TPM's NV, or else from the port (port_ek_cert). It is
 * taken only if its public key is the EK's.
 */
#ifndef TPM_CERT_H
#define TPM_CERT_H

#include "tpm/job.h"

extern const struct operation cert_operation;

#endif
