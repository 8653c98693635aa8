/*
 * What a process that is gone, or a link that broke, left loaded in a TPM
 * without a resource manager: flushed if it is of our making.
 */
#ifndef TPM_FLUSH_STALE_H
#define TPM_FLUSH_STALE_H

#include "tpm/job.h"

/* Always succeeds. Not for a TPM that others use at the same time. */
extern const struct operation flush_stale_operation;

#endif
