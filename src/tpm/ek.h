/*
 * The Endorsement Key: found at its customary persistent handle if the key
 * there is the one, or created; proven to be the one that was known before, if
 * the link was opened anew.
 */
#ifndef TPM_EK_H
#define TPM_EK_H

#include "tpm/job.h"

extern const struct operation ek_operation;

/* The EK's modulus, EK_KEY_LEN bytes, big-endian. It MUST be known. */
const uint8_t *ek_modulus(const struct tpm *t);

/* While the TPM works: prepares the salt for the next session with the EK. */
void ek_prepare_salt(const struct tpm *t);

#endif
