/*
 * TPM2_ActivateCredential: in a policy session that satisfies the EK's policy,
 * is salted to the EK, and encrypts the response, so that the secret never
 * crosses the TPM's bus in the clear.
 */
#ifndef TPM_CREDENTIAL_H
#define TPM_CREDENTIAL_H

#include "tpm/job.h"

extern const struct operation credential_operation;

#endif
