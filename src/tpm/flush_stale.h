/*
 * Flushes attestd's own objects and sessions that are still loaded in a TPM without a
 * resource manager, because the process that loaded them has died, or the link broke.
 */
#ifndef TPM_FLUSH_STALE_H
#define TPM_FLUSH_STALE_H

#include "tpm/job.h"

/*
 * Always succeeds. MUST NOT be run where others use the TPM at the same time. What is
 * recognised as attestd's: keys made from its templates, sessions with the EK's policy;
 * with t->flush_fresh_sessions also sessions that show no policy yet.
 */
extern const struct operation flush_stale_operation;

#endif
