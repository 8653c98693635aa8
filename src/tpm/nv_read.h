/*
 * Reading an NV index, as steps of operations, which are about an enum nv_index:
 * with the index's own authorisation or, if that is not allowed, the owner's;
 * both empty. What the TPM has against it does not fail the steps: nv_outcome
 * tells.
 */
#ifndef TPM_NV_READ_H
#define TPM_NV_READ_H

#include "tpm/job.h"

/* What every TPM can read at once, should it not tell: the smallest
 * MAX_NV_BUFFER_SIZE of the PC Client profile. */
#define NV_CHUNK_MIN 64

/* Of the EK's chain: the first index. */
#define NV_CHAIN_FIRST 0x01c00100U

/* In this order; FACT_INFO is needed. Until t->nv.object is ESYS_TR_NONE again
 * MUST no other index be opened. */
TSS2_RC nv_open_start(struct tpm *t);
TSS2_RC nv_open_finish(struct tpm *t);
TSS2_RC nv_public_start(struct tpm *t);
TSS2_RC nv_public_finish(struct tpm *t);
TSS2_RC nv_read_start(struct tpm *t);
TSS2_RC nv_read_finish(struct tpm *t);

/*
 * Before the first of these steps, and behind the last: the index is closed. What
 * is read goes to t->nv.data, or, until the next nv_begin or nv_open_start, where
 * t->nv.dest and cap say.
 */
void nv_begin(struct tpm *t);
void nv_close(struct tpm *t);

/*
 * What came of it. 0: the t->nv.len bytes of the index are there, or the first of
 * them, and t->nv.truncated. -ERR_CERT_ABSENT: there is no such index, or it was never
 * written; -ERR_CERT_ACCESS: it may not be read. Otherwise what kept it from
 * being read, as a negative enum err: that may pass, and is to be tried again.
 */
int nv_outcome(const struct tpm *t);

#endif
