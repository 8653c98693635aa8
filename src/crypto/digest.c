#include <bearssl_hmac.h>

#include "base/wipe.h"
#include "crypto/digest.h"

/* ESAPI has at most two open at a time. */
#define DIGESTS 4

static struct digest {
	bool used;
	union {
		br_hash_compat_context hash;
		br_hmac_context hmac;
	} as;
} digests[DIGESTS];

static const struct {
	TPM2_ALG_ID alg;
	const br_hash_class *class;
} classes[] = {
	{TPM2_ALG_SHA1, &br_sha1_vtable},
	{TPM2_ALG_SHA256, &br_sha256_vtable},
	{TPM2_ALG_SHA384, &br_sha384_vtable},
	{TPM2_ALG_SHA512, &br_sha512_vtable},
};

const br_hash_class *digest_class(TPM2_ALG_ID alg)
{
	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
		if (classes[i].alg == alg) {
			return classes[i].class;
		}
	}
	return NULL;
}

size_t digest_size(TPM2_ALG_ID alg)
{
	const br_hash_class *class = digest_class(alg);

	return class == NULL ? 0 : class->desc >> BR_HASHDESC_OUT_OFF & BR_HASHDESC_OUT_MASK;
}

void digest_sha256(const uint8_t *p, size_t n, uint8_t out[32])
{
	br_sha256_context context;

	br_sha256_init(&context);
	br_sha256_update(&context, p, n);
	br_sha256_out(&context, out);
}

/* Takes a free digest, as *d and as ESAPI's *context, and finds the algorithm's class. */
static TSS2_RC take(TPM2_ALG_ID alg, ESYS_CRYPTO_CONTEXT_BLOB **context, struct digest **d,
		    const br_hash_class **class)
{
	*context = NULL;
	*class = digest_class(alg);
	if (*class == NULL) {
		return TSS2_ESYS_RC_NOT_IMPLEMENTED;
	}
	for (size_t i = 0; i < DIGESTS; i++) {
		if (!digests[i].used) {
			digests[i].used = true;
			*d = &digests[i];
			*context = (ESYS_CRYPTO_CONTEXT_BLOB *)(void *)*d;
			return TSS2_RC_SUCCESS;
		}
	}
	return TSS2_ESYS_RC_MEMORY;
}

static void release(ESYS_CRYPTO_CONTEXT_BLOB **context)
{
	wipe(*context, sizeof(struct digest));
	*context = NULL;
}

/* A context, which is opaque to ESAPI, is an entry of `digests`. */
static struct digest *digest_of(ESYS_CRYPTO_CONTEXT_BLOB *context)
{
	return (struct digest *)(void *)context;
}

TSS2_RC digest_hash_start(ESYS_CRYPTO_CONTEXT_BLOB **context, TPM2_ALG_ID alg, void *userdata)
{
	const br_hash_class *class;
	struct digest *d;
	TSS2_RC rc = take(alg, context, &d, &class);

	(void)userdata;
	if (rc == TSS2_RC_SUCCESS) {
		class->init(&d->as.hash.vtable);
	}
	return rc;
}

TSS2_RC digest_hash_update(ESYS_CRYPTO_CONTEXT_BLOB *context, const uint8_t *p, size_t n,
			   void *userdata)
{
	struct digest *d = digest_of(context);

	(void)userdata;
	d->as.hash.vtable->update(&d->as.hash.vtable, p, n);
	return TSS2_RC_SUCCESS;
}

TSS2_RC digest_hash_finish(ESYS_CRYPTO_CONTEXT_BLOB **context, uint8_t *out, size_t *n,
			   void *userdata)
{
	struct digest *d = digest_of(*context);
	const br_hash_class *class = d->as.hash.vtable;

	(void)userdata;
	class->out(&d->as.hash.vtable, out);
	*n = class->desc >> BR_HASHDESC_OUT_OFF & BR_HASHDESC_OUT_MASK;
	release(context);
	return TSS2_RC_SUCCESS;
}

void digest_abort(ESYS_CRYPTO_CONTEXT_BLOB **context, void *userdata)
{
	(void)userdata;
	if (context != NULL && *context != NULL) {
		release(context);
	}
}

TSS2_RC digest_hmac_start(ESYS_CRYPTO_CONTEXT_BLOB **context, TPM2_ALG_ID alg, const uint8_t *key,
			  size_t n, void *userdata)
{
	const br_hash_class *class;
	br_hmac_key_context kc;
	struct digest *d;
	TSS2_RC rc = take(alg, context, &d, &class);

	(void)userdata;
	if (rc == TSS2_RC_SUCCESS) {
		br_hmac_key_init(&kc, class, key, n);
		br_hmac_init(&d->as.hmac, &kc, 0);
		wipe(&kc, sizeof kc);
	}
	return rc;
}

TSS2_RC digest_hmac_update(ESYS_CRYPTO_CONTEXT_BLOB *context, const uint8_t *p, size_t n,
			   void *userdata)
{
	(void)userdata;
	br_hmac_update(&digest_of(context)->as.hmac, p, n);
	return TSS2_RC_SUCCESS;
}

TSS2_RC digest_hmac_finish(ESYS_CRYPTO_CONTEXT_BLOB **context, uint8_t *out, size_t *n,
			   void *userdata)
{
	(void)userdata;
	*n = br_hmac_out(&digest_of(*context)->as.hmac, out);
	release(context);
	return TSS2_RC_SUCCESS;
}

void digest_reset(void)
{
	wipe(digests, sizeof digests);
}
