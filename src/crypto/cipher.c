#include <assert.h>
#include <string.h>

#include <bearssl_block.h>
#include <bearssl_rand.h>
#include <bearssl_rsa.h>

#include "base/wipe.h"
#include "crypto/cipher.h"
#include "crypto/digest.h"
#include "port.h"

#define BLOCK 16

static TSS2_RC aes_cfb(const uint8_t *key, TPM2_ALG_ID alg, TPMI_AES_KEY_BITS bits,
		       TPM2_ALG_ID mode, uint8_t *p, size_t n, const uint8_t *iv, bool encrypt)
{
	br_aes_ct_ctr_keys keys;
	uint8_t feedback[BLOCK];

	if (alg != TPM2_ALG_AES || mode != TPM2_ALG_CFB ||
	    (bits != 128 && bits != 192 && bits != 256)) {
		return TSS2_ESYS_RC_NOT_IMPLEMENTED;
	}
	br_aes_ct_ctr_init(&keys, key, bits / 8);
	memcpy(feedback, iv, BLOCK);
	for (size_t at = 0; at < n; at += BLOCK) {
		size_t len = n - at < BLOCK ? n - at : BLOCK;
		uint8_t input[BLOCK];

		memcpy(input, p + at, len);
		/* BearSSL has no CFB. One block of CTR is one block of CFB if its counter block,
		 * 12 bytes of IV and 4 of counter, is the feedback. */
		br_aes_ct_ctr_run(&keys, feedback,
				  (uint32_t)feedback[12] << 24 | (uint32_t)feedback[13] << 16 |
					  (uint32_t)feedback[14] << 8 | feedback[15],
				  p + at, len);
		memcpy(feedback, encrypt ? p + at : input, len);
	}
	wipe(&keys, sizeof keys);
	return TSS2_RC_SUCCESS;
}

TSS2_RC cipher_aes_encrypt(uint8_t *key, TPM2_ALG_ID alg, TPMI_AES_KEY_BITS bits, TPM2_ALG_ID mode,
			   uint8_t *p, size_t n, uint8_t *iv, void *userdata)
{
	(void)userdata;
	return aes_cfb(key, alg, bits, mode, p, n, iv, true);
}

TSS2_RC cipher_aes_decrypt(uint8_t *key, TPM2_ALG_ID alg, TPMI_AES_KEY_BITS bits, TPM2_ALG_ID mode,
			   uint8_t *p, size_t n, uint8_t *iv, void *userdata)
{
	(void)userdata;
	return aes_cfb(key, alg, bits, mode, p, n, iv, false);
}

/*
 * A random generator in BearSSL's form, for its OAEP padding, which takes as many bytes
 * as a digest has, once. It cannot report a failure; so the bytes are drawn before.
 * BearSSL's own generators would add a kilobyte to the program.
 */
struct drawn {
	const br_prng_class *vtable;
	uint8_t bytes[64];
};

static void give_drawn(const br_prng_class **ctx, void *out, size_t n)
{
	const struct drawn *drawn = (const void *)ctx;

	assert(n <= sizeof drawn->bytes);
	memcpy(out, drawn->bytes, n);
}

static const br_prng_class drawn_class = {sizeof(struct drawn), NULL, give_drawn, NULL};

TSS2_RC cipher_rsa_oaep(TPM2B_PUBLIC *key, size_t in_len, BYTE *in, size_t cap, BYTE *out,
			size_t *out_len, const char *label, void *userdata)
{
	TPMT_PUBLIC *area = &key->publicArea;
	const br_hash_class *hash = digest_class(area->nameAlg);
	uint32_t exponent = area->parameters.rsaDetail.exponent;
	uint8_t exponent_be[4];
	struct drawn drawn = {.vtable = &drawn_class};
	br_rsa_public_key pk;

	(void)userdata;
	*out_len = 0;
	if (hash == NULL) {
		return TSS2_ESYS_RC_NOT_IMPLEMENTED;
	}
	if (port_random(drawn.bytes, sizeof drawn.bytes) != 0) {
		return TSS2_ESYS_RC_GENERAL_FAILURE;
	}
	exponent = exponent == 0 ? 65537 : exponent;
	for (size_t i = 0; i < sizeof exponent_be; i++) {
		exponent_be[i] = (uint8_t)(exponent >> (24 - 8 * i));
	}
	pk.n = area->unique.rsa.buffer;
	pk.nlen = area->unique.rsa.size;
	pk.e = exponent_be;
	pk.elen = sizeof exponent_be;
	while (*pk.e == 0) { /* each leading zero would cost eight squarings */
		pk.e++;
		pk.elen--;
	}
	*out_len = br_rsa_i31_oaep_encrypt(&drawn.vtable, hash, label, strlen(label) + 1, &pk, out,
					   cap, in, in_len);
	wipe(&drawn, sizeof drawn);
	return *out_len == 0 ? TSS2_ESYS_RC_GENERAL_FAILURE : TSS2_RC_SUCCESS;
}

TSS2_RC cipher_random(TPM2B_NONCE *nonce, size_t n, void *userdata)
{
	(void)userdata;
	nonce->size = 0;
	if (n > sizeof nonce->buffer) {
		return TSS2_ESYS_RC_BAD_SIZE;
	}
	if (port_random(nonce->buffer, n) != 0) {
		return TSS2_ESYS_RC_GENERAL_FAILURE;
	}
	nonce->size = (UINT16)n;
	return TSS2_RC_SUCCESS;
}
