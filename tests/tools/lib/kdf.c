/*
 * The cryptography of a salted session, by libcrypto.
 */
#include "kdf.h"
#include "tpm.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(int ok, const char *what)
{
	if (ok > 0)
		return;
	fprintf(stderr, "libcrypto: %s failed\n", what);
	exit(1);
}

void random_bytes(uint8_t *p, size_t n)
{
	must(RAND_bytes(p, (int)n), "RAND_bytes");
}

void sha256(const struct piece *pieces, size_t count, uint8_t digest[SHA256_SIZE])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	must(ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL), "SHA-256");
	for (size_t i = 0; i < count; i++)
		must(EVP_DigestUpdate(ctx, pieces[i].p, pieces[i].n), "SHA-256");
	must(EVP_DigestFinal_ex(ctx, digest, NULL), "SHA-256");
	EVP_MD_CTX_free(ctx);
}

/* FIPS 198, for keys of at most a block. */
void hmac_sha256(const uint8_t *key, size_t key_len, const struct piece *pieces, size_t count,
		 uint8_t mac[SHA256_SIZE])
{
	uint8_t inner[64] = {0}, outer[64], digest[SHA256_SIZE];
	struct piece all[10] = {{inner, sizeof inner}};

	must(key_len <= sizeof inner && count < 10, "HMAC");
	memcpy(inner, key, key_len);
	for (size_t i = 0; i < sizeof inner; i++) {
		outer[i] = inner[i] ^ 0x5c;
		inner[i] ^= 0x36;
	}
	memcpy(all + 1, pieces, count * sizeof *pieces);
	sha256(all, count + 1, digest);
	struct piece last[] = {{outer, sizeof outer}, {digest, sizeof digest}};
	sha256(last, 2, mac);
}

void kdfa(const uint8_t *key, size_t key_len, const char *label, const uint8_t *u, const uint8_t *v,
	  uint8_t *out, size_t n)
{
	uint8_t counter[4], bits[4], digest[SHA256_SIZE];
	struct piece pieces[] = {
		{counter, 4}, {label, strlen(label) + 1}, {u, SHA256_SIZE}, {v, SHA256_SIZE},
		{bits, 4},
	};

	must(n <= sizeof digest, "KDFa");
	tpm_put32(counter, 1);
	tpm_put32(bits, (uint32_t)n * 8);
	hmac_sha256(key, key_len, pieces, 5, digest);
	memcpy(out, digest, n);
}

static EVP_PKEY *rsa_public(const uint8_t *modulus, size_t modulus_len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_bin2bn(modulus, (int)modulus_len, NULL);
	EVP_PKEY *key = NULL;

	must(ctx != NULL && bld != NULL && n != NULL, "allocation");
	must(OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n), "RSA key");
	must(OSSL_PARAM_BLD_push_uint(bld, OSSL_PKEY_PARAM_RSA_E, 65537), "RSA key");
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	must(EVP_PKEY_fromdata_init(ctx), "RSA key");
	must(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), "RSA key");
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	BN_free(n);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

void rsa_oaep(const uint8_t *modulus, size_t modulus_len, const char *label, const uint8_t *plain,
	      size_t n, uint8_t *out)
{
	EVP_PKEY *key = rsa_public(modulus, modulus_len);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	size_t out_len = modulus_len, label_len = strlen(label) + 1;
	void *copy = OPENSSL_memdup(label, label_len); /* the context frees it */

	must(ctx != NULL && copy != NULL, "allocation");
	must(EVP_PKEY_encrypt_init(ctx), "OAEP");
	must(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING), "OAEP");
	must(EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()), "OAEP");
	must(EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()), "OAEP");
	must(EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, copy, (int)label_len), "OAEP");
	must(EVP_PKEY_encrypt(ctx, out, &out_len, plain, n), "OAEP");
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
}

void aes128_cfb_decrypt(const uint8_t key[16], const uint8_t iv[16], uint8_t *data, size_t n)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int len = 0;

	must(ctx != NULL && EVP_DecryptInit_ex(ctx, EVP_aes_128_cfb128(), NULL, key, iv), "AES");
	must(EVP_DecryptUpdate(ctx, data, &len, data, (int)n), "AES");
	EVP_CIPHER_CTX_free(ctx);
}
