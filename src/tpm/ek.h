/*
 * The Endorsement Key: found at its customary persistent handle if the key
 * there is the one, or created; proven to be the one that was known before, if
 * the link was opened anew.
 */
#ifndef TPM_EK_H
#define TPM_EK_H

#include "tpm/job.h"

/* By convention only (TCG TPM v2.0 Provisioning Guidance). */
#define EK_PERSISTENT_HANDLE 0x81010001U

extern const struct operation ek_operation;

/*
 * Looks what is at the persistent handle: *found, or ESYS_TR_NONE. STEP_SKIP if
 * it is known to be nothing that ESAPI can read (t->ek_handle_unreadable).
 */
TSS2_RC ek_look_start(struct tpm *t);
TSS2_RC ek_look_finish(struct tpm *t, ESYS_TR *found);

/* The EK's modulus, EK_KEY_LEN bytes, big-endian. It MUST be known. */
const uint8_t *ek_modulus(const struct tpm *t);

/* While the TPM works: prepares the salt for the next session with the EK. */
void ek_prepare_salt(const struct tpm *t);

#endif
