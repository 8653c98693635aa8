/*
 * ESAPI's callbacks for hashes and HMACs; tss2_esys.h says what each must do.
 */
#ifndef CRYPTO_DIGEST_H
#define CRYPTO_DIGEST_H

#include <bearssl_hash.h>
#include <tss2/tss2_esys.h>

/* BearSSL's class for SHA-1, SHA-256, SHA-384 or SHA-512; NULL for other algorithms. */
const br_hash_class *digest_class(TPM2_ALG_ID alg);

/* The size of such an algorithm's digests in bytes; 0 for other algorithms. */
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
 * Wipes and releases every context. An ESAPI function that fails half-way leaves some
 * open. Call it only between ESAPI functions.
 */
void digest_reset(void);

#endif
