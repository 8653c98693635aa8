/*
 * Replaces the crypto that would stop fuzz_tpm.c: all of ESAPI's digests and HMACs are
 * zero, on both sides. The fuzzer could not guess real ones, so the code behind their
 * check would never run.
 */
#ifndef TESTS_TPM_CRYPTO_H
#define TESTS_TPM_CRYPTO_H

#include "fuzz.h"

#include <tss2/tss2_esys.h>

#include "crypto/cipher.h"
#include "crypto/digest.h"
#include "crypto/salt.h"
#include "tpm/tpm.h"

/* The linker replaces the functions with these wrappers (FUZZ_WRAP_tpm). */
TSS2_RC __real_digest_hash_finish(ESYS_CRYPTO_CONTEXT_BLOB **context, uint8_t *out, size_t *n,
				  void *userdata);
TSS2_RC __real_digest_hmac_finish(ESYS_CRYPTO_CONTEXT_BLOB **context, uint8_t *out, size_t *n,
				  void *userdata);
TSS2_RC __wrap_digest_hash_finish(ESYS_CRYPTO_CONTEXT_BLOB **context, uint8_t *out, size_t *n,
				  void *userdata);
TSS2_RC __wrap_digest_hmac_finish(ESYS_CRYPTO_CONTEXT_BLOB **context, uint8_t *out, size_t *n,
				  void *userdata);

TSS2_RC __wrap_digest_hash_finish(ESYS_CRYPTO_CONTEXT_BLOB **context, uint8_t *out, size_t *n,
				  void *userdata)
{
	TSS2_RC rc = __real_digest_hash_finish(context, out, n, userdata);

	memset(out, 0, rc == TSS2_RC_SUCCESS ? *n : 0);
	return rc;
}

TSS2_RC __wrap_digest_hmac_finish(ESYS_CRYPTO_CONTEXT_BLOB **context, uint8_t *out, size_t *n,
				  void *userdata)
{
	TSS2_RC rc = __real_digest_hmac_finish(context, out, n, userdata);

	memset(out, 0, rc == TSS2_RC_SUCCESS ? *n : 0);
	return rc;
}

void salt_prepare(TPM2B_PUBLIC *ek)
{
	MUST(ek->publicArea.unique.rsa.size == EK_KEY_LEN);
}

TSS2_RC salt_random(TPM2B_NONCE *nonce, size_t n, void *userdata)
{
	return cipher_random(nonce, n, userdata);
}

/* Real RSA would take too long. */
TSS2_RC salt_encrypt(TPM2B_PUBLIC *key, size_t in_len, BYTE *in, size_t cap, BYTE *out,
		     size_t *out_len, const char *label, void *userdata)
{
	(void)in;
	(void)userdata;
	MUST(strcmp(label, "SECRET") == 0 && in_len <= sizeof(TPMU_HA));
	*out_len = key->publicArea.unique.rsa.size;
	if (*out_len > cap) {
		return TSS2_ESYS_RC_GENERAL_FAILURE;
	}
	memset(out, 0, *out_len);
	return TSS2_RC_SUCCESS;
}

#endif
