/*
 * What an AIK signs: by TPM2_CertifyCreation (aik.c), Quote and Certify.
 */
#ifndef TPM_SIGN_H
#define TPM_SIGN_H

#include "tpm/job.h"

/* The scheme is the key's own. */
extern const TPMT_SIG_SCHEME sign_scheme;

/*
 * Where rc is 0: what the TPM has attested, and the signature, go to `out`;
 * TSS2_ESYS_RC_MALFORMED_RESPONSE if they are longer than an AIK of ours makes
 * them. Frees both, and returns rc otherwise.
 */
TSS2_RC sign_take(TSS2_RC rc, TPM2B_ATTEST *attest, TPMT_SIGNATURE *signature,
		  struct signed_attest *out);

/* The client's nonce, as qualifyingData. */
TPM2B_DATA sign_nonce(const struct tpm *t);

/* What a quote or a certification says that ended with this code: 0, or a
 * negative enum err, and the member in fault. */
int sign_conclude(struct tpm *t, TSS2_RC rc, bool *stale);

#endif
