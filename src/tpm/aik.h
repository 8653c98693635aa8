/*
 * The Attestation Identity Keys: TPM2_CreatePrimary, TPM2_CertifyCreation by the AIK
 * itself, and TPM2_ContextSave, unless the AIK stays loaded (port_tpm_holds_keys).
 */
#ifndef TPM_AIK_H
#define TPM_AIK_H

#include "tpm/job.h"

extern const struct operation aik_ecc_operation;
extern const struct operation aik_rsa_operation;

/*
 * Repeats TPM2_CertifyCreation for the AIK that the request's parameters name, because
 * the TPM refused it before. The AIK MUST be known, and stays known if this fails.
 */
extern const struct operation aik_certify_operation;

#endif
