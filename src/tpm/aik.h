/*
 * The Attestation Identity Key: created, its public area and Name learnt, and
 * kept as a saved context.
 */
#ifndef TPM_AIK_H
#define TPM_AIK_H

#include "tpm/job.h"

extern const struct operation aik_operation;

#endif
