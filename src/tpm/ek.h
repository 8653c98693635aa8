/*
 * The Endorsement Key: found at its customary persistent handle if the key
 * there is the one, or created; proven to be the one that was known before, if
 * the link was opened anew.
 */
#ifndef TPM_EK_H
#define TPM_EK_H

#include "tpm/job.h"

extern const struct operation ek_operation;

/* TPM2_ContextLoad of the saved EK; STEP_SKIP if it is persistent. */
TSS2_RC ek_load_start(struct tpm *t);
TSS2_RC ek_load_finish(struct tpm *t);

/* While the TPM works: prepares the salt for the next session with the EK. */
void ek_prepare_salt(const struct tpm *t);

/* The EK's object for a command: persistent, or loaded. */
ESYS_TR ek_object(const struct tpm *t);

#endif
