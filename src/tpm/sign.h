/*
 * What TPM2_CertifyCreation, TPM2_Quote and TPM2_Certify have in common: an AIK signs.
 */
#ifndef TPM_SIGN_H
#define TPM_SIGN_H

#include "tpm/job.h"

/* TPM2_ALG_NULL: the key's own scheme. */
extern const TPMT_SIG_SCHEME sign_scheme;

/*
 * Takes the response of such a command, whose code is rc. If that is 0, puts the attested
 * structure and the signature into `out`; returns TSS2_ESYS_RC_MALFORMED_RESPONSE if they
 * are longer than an AIK's can be. Otherwise returns rc. Frees both in any case.
 */
TSS2_RC sign_take(TSS2_RC rc, TPM2B_ATTEST *attest, TPMT_SIGNATURE *signature,
		  struct signed_attest *out);

/* The client's nonce, for the command's qualifyingData. */
TPM2B_DATA sign_nonce(const struct tpm *t);

/* An operation's `conclude` (job.h). If the nonce is too long for the TPM, returns
 * -ERR_NONCE_SIZE, with t->result.field. */
int sign_conclude(struct tpm *t, TSS2_RC rc, bool *stale);

#endif
