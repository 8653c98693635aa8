#include "tpm/sign.h"

#include <string.h>

#include <tss2/tss2_mu.h>

#include "err.h"
#include "tpm/primary_key.h"

const TPMT_SIG_SCHEME sign_scheme = {.scheme = TPM2_ALG_NULL};

TSS2_RC sign_take(TSS2_RC rc, TPM2B_ATTEST *attest, TPMT_SIGNATURE *signature,
		  struct signed_attest *out)
{
	if (rc == TSS2_RC_SUCCESS && attest->size <= sizeof out->attest) {
		memcpy(out->attest, attest->attestationData, attest->size);
		out->attest_len = attest->size;
		out->signature_len = 0;
		rc = Tss2_MU_TPMT_SIGNATURE_Marshal(signature, out->signature,
						    sizeof out->signature, &out->signature_len);
	} else if (rc == TSS2_RC_SUCCESS) {
		rc = TSS2_ESYS_RC_MALFORMED_RESPONSE;
	}
	Esys_Free(attest);
	Esys_Free(signature);
	return rc;
}

TPM2B_DATA sign_nonce(const struct tpm *t)
{
	TPM2B_DATA nonce = {.size = (UINT16)t->params.as.sign.nonce_len};

	assert(t->params.kind == PARAMS_NONCE);
	static_assert(NONCE_MAX <= sizeof nonce.buffer, "a nonce fits");
	memcpy(nonce.buffer, t->params.as.sign.nonce, nonce.size);
	return nonce;
}

int sign_conclude(struct tpm *t, TSS2_RC rc, bool *stale)
{
	int r = rc == TSS2_RC_SUCCESS ? 0 : rc_error(rc);

	*stale = key_is_stale(t, rc);
	if (t->client_data_sent && rc_tpm(rc) == (TPM2_RC_SIZE | TPM2_RC_P | TPM2_RC_1)) {
		t->result.field = "nonce";
		return -ERR_NONCE_SIZE;
	}
	/* It is the AIK's authorisation, which is empty, that was refused, not the hierarchy's. */
	return t->client_data_sent && r == -ERR_TPM_AUTH ? -ERR_TPM_RC : r;
}
