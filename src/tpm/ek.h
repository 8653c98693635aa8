/*
 * The Endorsement Key: read from its customary persistent handle, if the key there is made
 * from the EK's template, or else created and saved. After the link was opened again, a
 * saved context that the TPM loads proves that it is the same TPM.
 */
#ifndef TPM_EK_H
#define TPM_EK_H

#include "tpm/job.h"

/* Where an RSA 2048 EK is, if it is persistent (TCG TPM v2.0 Provisioning Guidance). */
#define EK_PERSISTENT_HANDLE 0x81010001U

extern const struct operation ek_operation;

/*
 * Step: reads what is at EK_PERSISTENT_HANDLE. *found becomes ESAPI's object, or
 * ESYS_TR_NONE if the handle is empty. STEP_SKIP if ESAPI is known to be unable to read
 * it (t->ek_handle_unreadable).
 */
TSS2_RC ek_look_start(struct tpm *t);
TSS2_RC ek_look_finish(struct tpm *t, ESYS_TR *found);

/* The EK's modulus, EK_KEY_LEN bytes, big-endian. It MUST be known. */
const uint8_t *ek_modulus(const struct tpm *t);

/* Computes the salt for the next session (salt.h). To be called while the TPM is working,
 * so that it takes no time of its own. The EK MUST be known. */
void ek_prepare_salt(const struct tpm *t);

#endif
