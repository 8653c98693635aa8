/*
 * The EK certificate, read from NV: with the index's own authorisation or, if
 * that is not allowed, the owner's; both empty.
 */
#ifndef TPM_NV_H
#define TPM_NV_H

#include "tpm/job.h"

extern const struct operation nv_operation;

#endif
