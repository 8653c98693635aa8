/*
 * The Attestation Identity Keys: created, their public area and Name learnt,
 * certified by themselves as created so, and kept as a saved context.
 */
#ifndef TPM_AIK_H
#define TPM_AIK_H

#include "tpm/job.h"

extern const struct operation aik_ecc_operation;
extern const struct operation aik_rsa_operation;

#endif
