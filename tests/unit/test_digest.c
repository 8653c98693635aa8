/*
 * src/crypto/digest.c: ESAPI's callbacks for hashes and HMACs. The vectors are NIST's
 * examples for FIPS 180 and those of RFC 4231. HMAC-SHA-1 of the RFC's inputs was
 * computed with OpenSSL.
 */
#include "unit.h"

#include "crypto/digest.h"

#define NIST_896                                                                                   \
	"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr" \
	"lmnopqrsmnopqrstnopqrstu"

static const struct {
	TPM2_ALG_ID alg;
	const char *message;
	const char *digest;
} hashes[] = {
	{TPM2_ALG_SHA1, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
	{TPM2_ALG_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
	{TPM2_ALG_SHA1, NIST_896, "a49b2446a02c645bf419f995b67091253a04a259"},
	{TPM2_ALG_SHA256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{TPM2_ALG_SHA256, "abc",
	 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{TPM2_ALG_SHA256, NIST_896,
	 "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
	{TPM2_ALG_SHA384, "",
	 "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da"
	 "274edebfe76f65fbd51ad2f14898b95b"},
	{TPM2_ALG_SHA384, "abc",
	 "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
	 "8086072ba1e7cc2358baeca134c825a7"},
	{TPM2_ALG_SHA384, NIST_896,
	 "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086e3b0f712"
	 "fcc7c71a557e2db966c3e9fa91746039"},
	{TPM2_ALG_SHA512, "",
	 "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
	 "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"},
	{TPM2_ALG_SHA512, "abc",
	 "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	 "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
	{TPM2_ALG_SHA512, NIST_896,
	 "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
	 "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909"},
};

static const char million_a[][2 * 64 + 1] = {
	"34aa973cd4c4daa4f61eeb2bdbad27316534016f",
	"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
	"9d0e1809716474cb086e834e310a4a1ced149e9c00f248527972cec5704c2a5b"
	"07b8b3dc38ecc4ebae97ddd87f3d8985",
	"e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb"
	"de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b",
};

static const TPM2_ALG_ID algorithms[] = {TPM2_ALG_SHA1, TPM2_ALG_SHA256, TPM2_ALG_SHA384,
					 TPM2_ALG_SHA512};

/* RFC 4231, cases 1 to 4, 6 and 7. Keys and data are a repeated byte or a text. */
static const struct {
	uint8_t key_byte;
	size_t key_len;
	const char *key; /* if it is not a repeated byte */
	const char *message;
} hmac_inputs[] = {
	{0x0b, 20, NULL, "Hi There"},
	{0, 4, "Jefe", "what do ya want for nothing?"},
	{0xaa, 20, NULL, NULL}, /* 50 bytes of dd */
	{0, 25, "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20\21\22\23\24\25\26\27\30\31",
	 NULL}, /* cd */
	{0xaa, 131, NULL, "Test Using Larger Than Block-Size Key - Hash Key First"},
	{0xaa, 131, NULL,
	 "This is a test using a larger than block-size key and a larger than block-size data. "
	 "The key needs to be hashed before being used by the HMAC algorithm."},
};
#define HMAC_CASES (sizeof hmac_inputs / sizeof *hmac_inputs)

static const char hmacs[][HMAC_CASES][2 * 64 + 1] = {
	{
		"b617318655057264e28bc0b6fb378c8ef146be00",
		"effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
		"125d7342b9ac11cd91a39af48aa17b4f63f175d3",
		"4c9007f4026250c6bc8414f9bf50c86c2d7235da",
		"90d0dace1c1bdc957339307803160335bde6df2b",
		"217e44bb08b6e06a2d6c30f3cb9f537f97c63356",
	},
	{
		"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
		"773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
		"82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
		"9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
	},
	{
		"afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
		"faea9ea9076ede7f4af152e8b2fa9cb6",
		"af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
		"8e2240ca5e69e2c78b3239ecfab21649",
		"88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b"
		"2a5ab39dc13814b94e3ab6e101a34f27",
		"3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e"
		"6801dd23c4a7d679ccf8a386c674cffb",
		"4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c6"
		"0c2ef6ab4030fe8296248df163f44952",
		"6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5"
		"a678cc31e799176d3860e6110c46523e",
	},
	{
		"87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
		"daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
		"164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
		"9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
		"fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39"
		"bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb",
		"b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db"
		"a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd",
		"80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
		"6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
		"e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944"
		"b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58",
	},
};

static void start(ESYS_CRYPTO_CONTEXT_BLOB **c, TPM2_ALG_ID alg)
{
	assert_int_equal(digest_hash_start(c, alg, NULL), TSS2_RC_SUCCESS);
	assert_non_null(*c);
}

/* Finishes a hash. Its digest must be `want` (in hex), and the context released and wiped. */
static void finish(ESYS_CRYPTO_CONTEXT_BLOB **c, const char *want,
		   TSS2_RC (*end)(ESYS_CRYPTO_CONTEXT_BLOB **, uint8_t *, size_t *, void *))
{
	static const uint8_t zero[200];
	const void *context = *c;
	size_t want_len;
	uint8_t *bytes = unhex(want, &want_len);
	uint8_t *out = exact(zero, want_len);
	size_t n = sizeof(TPMU_HA); /* ESAPI passes the size of its buffer */

	assert_int_equal(end(c, out, &n, NULL), TSS2_RC_SUCCESS);
	assert_int_equal(n, want_len);
	assert_memory_equal(out, bytes, n);
	assert_null(*c);
	assert_memory_equal(context, zero, sizeof zero);
	free(out);
	free(bytes);
}

static void test_hashes_split_at_every_offset(void **state)
{
	ESYS_CRYPTO_CONTEXT_BLOB *c;

	(void)state;
	for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++) {
		const uint8_t *m = (const uint8_t *)hashes[i].message;
		size_t n = strlen(hashes[i].message);

		for (size_t at = 0; at <= n; at++) {
			start(&c, hashes[i].alg);
			assert_int_equal(digest_hash_update(c, m, at, NULL), TSS2_RC_SUCCESS);
			assert_int_equal(digest_hash_update(c, m + at, n - at, NULL),
					 TSS2_RC_SUCCESS);
			finish(&c, hashes[i].digest, digest_hash_finish);
		}
	}
}

static void test_hash_of_a_million_bytes(void **state)
{
	ESYS_CRYPTO_CONTEXT_BLOB *c;
	uint8_t a[1000];

	(void)state;
	memset(a, 'a', sizeof a);
	for (size_t i = 0; i < 4; i++) {
		start(&c, algorithms[i]);
		for (size_t k = 0; k < 1000; k++) {
			digest_hash_update(c, a, sizeof a, NULL);
		}
		finish(&c, million_a[i], digest_hash_finish);
	}
}

static void test_hmacs(void **state)
{
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		for (size_t k = 0; k < HMAC_CASES; k++) {
			ESYS_CRYPTO_CONTEXT_BLOB *c;
			const char *text = hmac_inputs[k].message;
			uint8_t key[131], message[50];
			size_t n = text == NULL ? sizeof message : strlen(text);
			const uint8_t *m = text == NULL ? message : (const uint8_t *)text;

			memset(key, hmac_inputs[k].key_byte, sizeof key);
			if (hmac_inputs[k].key != NULL) {
				memcpy(key, hmac_inputs[k].key, hmac_inputs[k].key_len);
			}
			memset(message, k == 2 ? 0xdd : 0xcd, sizeof message);
			for (size_t at = 0; at <= n; at++) {
				assert_int_equal(digest_hmac_start(&c, algorithms[i], key,
								   hmac_inputs[k].key_len, NULL),
						 TSS2_RC_SUCCESS);
				digest_hmac_update(c, m, at, NULL);
				digest_hmac_update(c, m + at, n - at, NULL);
				finish(&c, hmacs[i][k], digest_hmac_finish);
			}
		}
	}
}

/* An HMAC with an empty key, which sessions without a salt have. */
static void test_empty_key(void **state)
{
	ESYS_CRYPTO_CONTEXT_BLOB *c;

	(void)state;
	assert_int_equal(digest_hmac_start(&c, TPM2_ALG_SHA256, NULL, 0, NULL), TSS2_RC_SUCCESS);
	finish(&c, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad",
	       digest_hmac_finish);
}

static void test_other_algorithms_are_refused(void **state)
{
	static const TPM2_ALG_ID others[] = {TPM2_ALG_ERROR, TPM2_ALG_SM3_256, TPM2_ALG_SHA3_256,
					     TPM2_ALG_NULL,  TPM2_ALG_AES,     0xffff};

	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		ESYS_CRYPTO_CONTEXT_BLOB *c = (ESYS_CRYPTO_CONTEXT_BLOB *)state;

		assert_int_equal(digest_hash_start(&c, others[i], NULL),
				 TSS2_ESYS_RC_NOT_IMPLEMENTED);
		assert_null(c);
		c = (ESYS_CRYPTO_CONTEXT_BLOB *)state;
		assert_int_equal(digest_hmac_start(&c, others[i], (const uint8_t *)"key", 3, NULL),
				 TSS2_ESYS_RC_NOT_IMPLEMENTED);
		assert_null(c);
		assert_null(digest_class(others[i]));
	}
}

/* Four contexts can be open independently. A fifth is refused until one is released. */
static void test_contexts_run_out_and_are_given_back(void **state)
{
	ESYS_CRYPTO_CONTEXT_BLOB *c[4], *fifth;

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (size_t i = 0; i < 4; i++) {
			start(&c[i], hashes[3 * i + 1].alg);
		}
		assert_int_equal(digest_hash_start(&fifth, TPM2_ALG_SHA256, NULL),
				 TSS2_ESYS_RC_MEMORY);
		assert_null(fifth);
		assert_int_equal(digest_hmac_start(&fifth, TPM2_ALG_SHA256, NULL, 0, NULL),
				 TSS2_ESYS_RC_MEMORY);
		assert_null(fifth);
		for (size_t i = 0; i < 4; i++) {
			digest_hash_update(c[i], (const uint8_t *)"abc", 3, NULL);
		}
		for (size_t i = 0; i < 4; i++) {
			if (round == 0) {
				finish(&c[i], hashes[3 * i + 1].digest, digest_hash_finish);
			} else if (round == 1) {
				digest_abort(&c[i], NULL);
				assert_null(c[i]);
			}
		}
		if (round == 2) { /* as after a failure, when ESAPI does not release them */
			static const uint8_t zero[200];

			digest_reset();
			for (size_t i = 0; i < 4; i++) {
				assert_memory_equal(c[i], zero, sizeof zero);
			}
		}
	}
	start(&fifth, TPM2_ALG_SHA256);
	digest_abort(&fifth, NULL);
	digest_abort(&fifth, NULL); /* of a context that is released already, and of none */
	digest_abort(NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hashes_split_at_every_offset),
		cmocka_unit_test(test_hash_of_a_million_bytes),
		cmocka_unit_test(test_hmacs),
		cmocka_unit_test(test_empty_key),
		cmocka_unit_test(test_other_algorithms_are_refused),
		cmocka_unit_test(test_contexts_run_out_and_are_given_back),
	};

	return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
