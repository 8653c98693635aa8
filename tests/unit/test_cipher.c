/* src/crypto/cipher.c: ESAPI's callbacks for AES-CFB, RSA-OAEP and random numbers. */
#include "oaep.h"

#include "crypto/cipher.h"
#include "crypto/digest.h"

/* ---- AES-CFB --------------------------------------------------------- */

/* NIST SP 800-38A, appendix F.3.13 to F.3.18: CFB128. */
#define PLAIN                                                              \
	"6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51" \
	"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
#define KEY_128 "2b7e151628aed2a6abf7158809cf4f3c"
#define KEY_192 "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b"
#define KEY_256 "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"
#define COUNTING_IV "000102030405060708090a0b0c0d0e0f"
/* The same, with an IV in which the counter overflows; computed with OpenSSL. */
#define FULL_IV "ffffffffffffffffffffffffffffffff"

static const struct {
	TPMI_AES_KEY_BITS bits;
	const char *key, *iv, *cipher;
} aes[] = {
	{128, KEY_128, COUNTING_IV,
	 "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0b3a93fcde3cdad9f1ce58b"
	 "26751f67a3cbb140b1808cf187a4f4dfc04b05357c5d1c0eeac4c66f9ff7f2e6"},
	{192, KEY_192, COUNTING_IV,
	 "cdc80d6fddf18cab34c25909c99a417467ce7f7f81173621961a2b70171d3d7a"
	 "2e1e8a1dd59b88b1c8e60fed1efac4c9c05f9f9ca9834fa042ae8fba584b09ff"},
	{256, KEY_256, COUNTING_IV,
	 "dc7e84bfda79164b7ecd8486985d386039ffed143b28b1c832113c6331e5407b"
	 "df10132415e54b92a13ed0a8267ae2f975a385741ab9cef82031623d55b1e471"},
	{128, KEY_128, FULL_IV,
	 "e13338e36cb71962e00d020b4cedbd86e697dc8d7e28b3708dabb2500e59d2e2"
	 "ecdf1f6d0c51a5881c363f37a8b4f9b6bc74ab3cab52cfde6eaff8e2e96d2c80"},
	{256, KEY_256, FULL_IV,
	 "50fd97c3e61abb4873fb78df1e8e77e635aefd66f98dfc74b3a3c13a1cc5fa7a"
	 "206110bc782639393fad0ee527a3598b80ae154d9498cd9a376b9f8cd8ccf2a2"},
};

/* Every length: with CFB, the ciphertext of a prefix is a prefix of the ciphertext. */
static void test_aes_cfb(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof aes / sizeof *aes; i++) {
		size_t key_len, iv_len, whole;
		uint8_t *key = unhex(aes[i].key, &key_len);
		uint8_t *iv = unhex(aes[i].iv, &iv_len);
		uint8_t *plain = unhex(PLAIN, &whole);
		uint8_t *cipher = unhex(aes[i].cipher, &whole);
		uint8_t *exact_key = exact(key, key_len);

		assert_int_equal(key_len * 8, aes[i].bits);
		for (size_t n = 0; n <= whole; n++) {
			uint8_t *p = exact(plain, n);
			uint8_t *exact_iv = exact(iv, 16);

			assert_int_equal(cipher_aes_encrypt(exact_key, TPM2_ALG_AES, aes[i].bits,
							    TPM2_ALG_CFB, p, n, exact_iv, NULL),
					 TSS2_RC_SUCCESS);
			assert_memory_equal(p, cipher, n);
			memcpy(exact_iv, iv, 16);
			assert_int_equal(cipher_aes_decrypt(exact_key, TPM2_ALG_AES, aes[i].bits,
							    TPM2_ALG_CFB, p, n, exact_iv, NULL),
					 TSS2_RC_SUCCESS);
			assert_memory_equal(p, plain, n);
			free(exact_iv);
			free(p);
		}
		free(exact_key);
		free(cipher);
		free(plain);
		free(iv);
		free(key);
	}
}

static void test_other_ciphers_are_refused(void **state)
{
	static const struct {
		TPM2_ALG_ID alg;
		TPMI_AES_KEY_BITS bits;
		TPM2_ALG_ID mode;
	} others[] = {
		{TPM2_ALG_SM4, 128, TPM2_ALG_CFB}, {TPM2_ALG_AES, 128, TPM2_ALG_CBC},
		{TPM2_ALG_AES, 128, TPM2_ALG_CTR}, {TPM2_ALG_AES, 128, TPM2_ALG_NULL},
		{TPM2_ALG_AES, 0, TPM2_ALG_CFB},   {TPM2_ALG_AES, 64, TPM2_ALG_CFB},
		{TPM2_ALG_AES, 512, TPM2_ALG_CFB}, {TPM2_ALG_AES, 65535, TPM2_ALG_CFB},
	};
	uint8_t key[32] = {0}, iv[16] = {0};

	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		uint8_t p[5] = "kept";

		assert_int_equal(cipher_aes_encrypt(key, others[i].alg, others[i].bits,
						    others[i].mode, p, sizeof p, iv, NULL),
				 TSS2_ESYS_RC_NOT_IMPLEMENTED);
		assert_int_equal(cipher_aes_decrypt(key, others[i].alg, others[i].bits,
						    others[i].mode, p, sizeof p, iv, NULL),
				 TSS2_ESYS_RC_NOT_IMPLEMENTED);
		assert_string_equal((char *)p, "kept");
	}
}

/* ---- RSA-OAEP -------------------------------------------------------- */

static const uint8_t salt[] = "a salt for a session";

/* Encrypts n bytes of the salt for the key. The caller frees the ciphertext. */
static uint8_t *encrypt(TPM2B_PUBLIC *key, const char *label)
{
	uint8_t *in = exact(salt, sizeof salt);
	uint8_t *out = malloc(sizeof rsa_modulus);
	size_t n = 0;

	assert_non_null(out);
	assert_int_equal(
		cipher_rsa_oaep(key, sizeof salt, in, sizeof rsa_modulus, out, &n, label, NULL),
		TSS2_RC_SUCCESS);
	assert_int_equal(n, sizeof rsa_modulus);
	free(in);
	return out;
}

/* With this hash and label, is the salt the result of decrypting it? */
static bool is_salt(const uint8_t *cipher, TPM2_ALG_ID alg, const char *label, size_t n)
{
	return decrypts(cipher, digest_class(alg), label, n, salt, sizeof salt);
}

/* TPM 2.0 Library part 1, B.4: the hash is nameAlg, the label includes its NUL. */
static void test_oaep_decrypts(void **state)
{
	static const TPM2_ALG_ID algs[] = {TPM2_ALG_SHA1, TPM2_ALG_SHA256, TPM2_ALG_SHA384,
					   TPM2_ALG_SHA512};
	static const char label[] = "SECRET";

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		TPM2B_PUBLIC key = public_key(algs[i], 0);
		uint8_t *cipher = encrypt(&key, label);

		for (size_t k = 0; k < 4; k++) {
			assert_int_equal(is_salt(cipher, algs[k], label, sizeof label), i == k);
		}
		assert_false(is_salt(cipher, algs[i], label, sizeof label - 1));
		assert_false(is_salt(cipher, algs[i], "SECREt", sizeof label));
		free(cipher);
	}
}

static void test_oaep_exponents(void **state)
{
	static const uint32_t exponents[] = {0, 65537, 3, 0x01000001};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		TPM2B_PUBLIC key = public_key(TPM2_ALG_SHA256, exponents[i]);
		uint8_t *cipher = encrypt(&key, "SECRET");

		assert_int_equal(is_salt(cipher, TPM2_ALG_SHA256, "SECRET", 7), i < 2);
		free(cipher);
	}
}

static void test_oaep_is_random(void **state)
{
	TPM2B_PUBLIC key = public_key(TPM2_ALG_SHA256, 0);
	uint8_t *one, *two, *three;

	(void)state;
	seed = 1;
	drawn = 0;
	one = encrypt(&key, "SECRET");
	assert_true(drawn >= 32); /* as many random bytes as the digest has */
	two = encrypt(&key, "SECRET");
	assert_memory_not_equal(one, two, sizeof rsa_modulus);
	seed = 1; /* nothing else makes the result random */
	three = encrypt(&key, "SECRET");
	assert_memory_equal(one, three, sizeof rsa_modulus);
	free(three);
	free(two);
	free(one);
}

static TSS2_RC refused(TPM2B_PUBLIC *key, size_t in_len, size_t cap)
{
	uint8_t *in = exact(rsa_p, in_len);
	uint8_t *out = malloc(cap);
	size_t n = 999;
	TSS2_RC rc = cipher_rsa_oaep(key, in_len, in, cap, out, &n, "SECRET", NULL);

	assert_int_equal(n, rc == TSS2_RC_SUCCESS ? sizeof rsa_modulus : 0);
	free(out);
	free(in);
	return rc;
}

static void test_oaep_refuses(void **state)
{
	TPM2B_PUBLIC key = public_key(TPM2_ALG_SHA512, 0);
	const size_t max = sizeof rsa_modulus - 2 * 64 - 2; /* RFC 8017, 7.1.1 */

	(void)state;
	assert_int_equal(refused(&key, 0, 256), TSS2_RC_SUCCESS);
	assert_int_equal(refused(&key, max, 256), TSS2_RC_SUCCESS);
	assert_int_equal(refused(&key, max, 512), TSS2_RC_SUCCESS);
	assert_int_equal(refused(&key, max + 1, 256), TSS2_ESYS_RC_GENERAL_FAILURE);
	assert_int_equal(refused(&key, max, 255), TSS2_ESYS_RC_GENERAL_FAILURE);
	assert_int_equal(refused(&key, max, 0), TSS2_ESYS_RC_GENERAL_FAILURE);
	broken = true;
	assert_int_equal(refused(&key, max, 256), TSS2_ESYS_RC_GENERAL_FAILURE);
	broken = false;
	key.publicArea.nameAlg = TPM2_ALG_SM3_256;
	assert_int_equal(refused(&key, max, 256), TSS2_ESYS_RC_NOT_IMPLEMENTED);
	key.publicArea.nameAlg = TPM2_ALG_SHA512;
	key.publicArea.unique.rsa.size = 0;
	assert_int_equal(refused(&key, max, 256), TSS2_ESYS_RC_GENERAL_FAILURE);
}

/* ---- random numbers -------------------------------------------------- */

static void test_random(void **state)
{
	(void)state;
	for (size_t n = 0; n < 200; n++) {
		TPM2B_NONCE nonce;

		memset(&nonce, 0xa5, sizeof nonce);
		seed = 1;
		if (n > sizeof nonce.buffer) {
			assert_int_equal(cipher_random(&nonce, n, NULL), TSS2_ESYS_RC_BAD_SIZE);
			assert_int_equal(nonce.size, 0);
			continue;
		}
		assert_int_equal(cipher_random(&nonce, n, NULL), TSS2_RC_SUCCESS);
		assert_int_equal(nonce.size, n);
		for (size_t i = 0; i < sizeof nonce.buffer; i++) {
			assert_int_equal(nonce.buffer[i], i < n ? i + 1 : 0xa5);
		}
		broken = true;
		assert_int_equal(cipher_random(&nonce, n, NULL), TSS2_ESYS_RC_GENERAL_FAILURE);
		assert_int_equal(nonce.size, 0);
		broken = false;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aes_cfb),
		cmocka_unit_test(test_other_ciphers_are_refused),
		cmocka_unit_test(test_oaep_decrypts),
		cmocka_unit_test(test_oaep_exponents),
		cmocka_unit_test(test_oaep_is_random),
		cmocka_unit_test(test_oaep_refuses),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("cipher", tests, NULL, NULL);
}
