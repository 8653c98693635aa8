/*
 * The EK certificate: from the TPM's NV, or from where the port has one. It is
 * taken only if its key is the EK's.
 */
#ifndef TPM_CERT_H
#define TPM_CERT_H

#include "tpm/job.h"

extern const struct operation cert_operation;

#endif
