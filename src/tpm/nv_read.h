/*
 * Reads an NV index, as steps of an operation. Their target is an enum nv_index.
 *
 * The index is read with its own authorisation or, if that is not allowed, with the
 * owner's, both empty. If the TPM refuses, the steps succeed all the same, and nv_outcome
 * has the error: the operation decides what a missing index means.
 */
#ifndef TPM_NV_READ_H
#define TPM_NV_READ_H

#include "tpm/job.h"

/* Every TPM can return so many bytes at once: the smallest MAX_NV_BUFFER_SIZE of the PC
 * Client Platform TPM Profile. */
#define NV_CHUNK_MIN 64

/* The first index of the EK's chain (TCG EK Credential Profile, 2.2.1.5.2). */
#define NV_CHAIN_FIRST 0x01c00100U

/* Steps, to be taken in this order: Esys_TR_FromTPMPublic, TPM2_NV_ReadPublic,
 * TPM2_NV_Read. FACT_INFO MUST be known. nv_close MUST follow before the next index is
 * opened. */
TSS2_RC nv_open_start(struct tpm *t);
TSS2_RC nv_open_finish(struct tpm *t);
TSS2_RC nv_public_start(struct tpm *t);
TSS2_RC nv_public_finish(struct tpm *t);
TSS2_RC nv_read_start(struct tpm *t);
TSS2_RC nv_read_finish(struct tpm *t);

/*
 * Forgets the last index; nv_open_start does so too. What is read goes to t->nv.data. To
 * have it elsewhere, an operation sets t->nv.dest and t->nv.cap after nv_open_start.
 */
void nv_begin(struct tpm *t);
/* Closes ESAPI's object of the index, if it is open. */
void nv_close(struct tpm *t);

/*
 * The outcome of these steps. 0: t->nv.len bytes were read, which is all of the index,
 * unless t->nv.truncated. -ERR_CERT_ABSENT: there is no such index, or it was never
 * written; -ERR_CERT_ACCESS: it may not be read. Any other negative enum err may be
 * temporary, so that the index should be read again later.
 */
int nv_outcome(const struct tpm *t);

#endif
