/*
 * ESAPI's hash and HMAC callbacks: see tss2_esys.h for what each must do.
 */
#ifndef CRYPTO_DIGEST_H
#define CRYPTO_DIGEST_H

#include <bearssl_hash.h>
#include <tss2/tss2_esys.h>

/* BearSSL's class for a TPM algorithm; NULL if it is none of SHA-1 and SHA-2. */
const br_hash_class *digest_class(TPM2_ALG_ID alg);

/* The bytes of its digests; 0 if it is none of these. */
size_t digest_size(TPM2_ALG_ID alg);

/* SHA-256 of the n bytes at p, to out. */
void digest_sha256(const uint8_t *p, size_t n, uint8_t out[32]);

TSS2_RC digest_hash_start(ESYS_CRYPTO_CONTEXT_BLOB **context, TPM2_ALG_ID alg, void *userdata);
TSS2_RC digest_hash_update(ESYS_CRYPTO_CONTEXT_BLOB *context, const uint8_t *p, size_t n,
			   void *userdata);
TSS2_RC digest_hash_finish(ESYS_CRYPTO_CONTEXT_BLOB **context, uint8_t *out, size_t *n,
			   void *userdata);
void digest_abort(ESYS_CRYPTO_CONTEXT_BLOB **context, void *userdata);

TSS2_RC digest_hmac_start(ESYS_CRYPTO_CONTEXT_BLOB **context, TPM2_ALG_ID alg, const uint8_t *key,
			  size_t n, void *userdata);
TSS2_RC digest_hmac_update(ESYS_CRYPTO_CONTEXT_BLOB *context, const uint8_t *p, size_t n,
			   void *userdata);
TSS2_RC digest_hmac_finish(ESYS_CRYPTO_CONTEXT_BLOB **context, uint8_t *out, size_t *n,
			   void *userdata);

/*
 * Wipes and releases every context: those that an ESAPI call left open when it
 * failed half-way. Call when no ESAPI function is under way.
 */
void digest_reset(void);

#endif
