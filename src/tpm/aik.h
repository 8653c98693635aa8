/*
 * The Attestation Identity Keys: created, their public area and Name learnt,
 * certified by themselves as created so, and kept as a saved context.
 */
#ifndef TPM_AIK_H
#define TPM_AIK_H

#include "tpm/job.h"

extern const struct operation aik_ecc_operation;
extern const struct operation aik_rsa_operation;

/*
 * Has the AIK that the parameters name, which is known, certify once more how it
 * was created: it was not let, and may be now. Whatever comes of it, it is as
 * known as before.
 */
extern const struct operation aik_certify_operation;

#endif
