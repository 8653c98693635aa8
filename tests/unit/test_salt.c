/* src/crypto/salt.c: a prepared salt is used at most once, and only as a salt. */
#include "oaep.h"

#include "crypto/salt.h"

#define SALT_LEN 32
#define ENCRYPTED_LEN sizeof rsa_modulus

static TPM2B_PUBLIC ek;

static int setup(void **state)
{
	(void)state;
	ek = public_key(TPM2_ALG_SHA256, 0);
	seed = 1;
	broken = false;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	salt_wipe();
	return 0;
}

static TPM2B_NONCE take(size_t n)
{
	TPM2B_NONCE nonce;

	memset(&nonce, 0xa5, sizeof nonce);
	assert_int_equal(salt_random(&nonce, n, NULL), TSS2_RC_SUCCESS);
	assert_int_equal(nonce.size, n);
	for (size_t i = n; i < sizeof nonce.buffer; i++) {
		assert_int_equal(nonce.buffer[i], 0xa5);
	}
	return nonce;
}

/* Encrypts for the EK and checks the result. The caller frees the ciphertext. */
static uint8_t *encrypt(TPM2B_NONCE *salt)
{
	uint8_t *in = exact(salt->buffer, salt->size);
	uint8_t *out = malloc(ENCRYPTED_LEN);
	size_t n = 0;

	assert_non_null(out);
	assert_int_equal(salt_encrypt(&ek, salt->size, in, ENCRYPTED_LEN, out, &n, "SECRET", NULL),
			 TSS2_RC_SUCCESS);
	assert_int_equal(n, ENCRYPTED_LEN);
	assert_true(decrypts(out, &br_sha256_vtable, "SECRET", 7, salt->buffer, salt->size));
	free(in);
	return out;
}

/* Did its encryption draw random numbers? It does unless the salt was prepared. */
static bool is_fresh(TPM2B_NONCE *salt)
{
	size_t before = drawn;

	free(encrypt(salt));
	return drawn != before;
}

static void test_prepared(void **state)
{
	TPM2B_NONCE salt;
	size_t before;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		salt_prepare(&ek);
		before = drawn;
		salt_prepare(&ek); /* a salt is prepared already */
		salt = take(SALT_LEN);
		assert_int_equal(drawn, before);
		assert_false(is_fresh(&salt));
		assert_true(is_fresh(&salt)); /* it is not used a second time */
	}
}

static void test_not_prepared(void **state)
{
	TPM2B_NONCE salt = take(SALT_LEN);

	(void)state;
	assert_true(is_fresh(&salt));
	salt_prepare(&ek);
	salt_wipe();
	salt = take(SALT_LEN);
	assert_true(is_fresh(&salt));
}

/* No two sessions have the same salt, and no salt was used as a nonce before. */
static void test_nothing_is_given_twice(void **state)
{
	TPM2B_NONCE nonce, salt;

	(void)state;
	salt_prepare(&ek);
	nonce = take(SALT_LEN);
	salt = take(SALT_LEN);
	assert_memory_not_equal(nonce.buffer, salt.buffer, SALT_LEN);
	assert_true(is_fresh(&salt));
	salt_prepare(&ek);
	salt = take(SALT_LEN);
	assert_memory_not_equal(nonce.buffer, salt.buffer, SALT_LEN);
	assert_false(is_fresh(&salt));
}

static void test_other_lengths_leave_it(void **state)
{
	TPM2B_NONCE nonce;

	(void)state;
	salt_prepare(&ek);
	for (size_t n = 0; n <= 64; n++) {
		if (n != SALT_LEN) {
			take(n);
		}
	}
	assert_int_equal(salt_random(&nonce, 65, NULL), TSS2_ESYS_RC_BAD_SIZE);
	nonce = take(SALT_LEN);
	assert_false(is_fresh(&nonce));
}

/* A prepared salt is for one key, hash and label. Any other encryption uses it up. */
static void test_other_uses_are_encrypted_anew(void **state)
{
	uint8_t out[ENCRYPTED_LEN];
	TPM2B_NONCE salt;
	size_t n, before;

	(void)state;
	for (unsigned use = 0; use < 5; use++) {
		TPM2B_PUBLIC key = ek;
		const char *label = "SECRET";
		size_t len = SALT_LEN;

		salt_prepare(&ek);
		salt = take(SALT_LEN);
		switch (use) {
		case 0:
			key.publicArea.unique.rsa.buffer[255] ^= 2;
			break;
		case 1:
			key.publicArea.nameAlg = TPM2_ALG_SHA384;
			break;
		case 2:
			label = "SECRETS";
			break;
		case 3:
			salt.buffer[31] ^= 1;
			break;
		default:
			len = SALT_LEN - 1;
			break;
		}
		before = drawn;
		assert_int_equal(
			salt_encrypt(&key, len, salt.buffer, sizeof out, out, &n, label, NULL),
			TSS2_RC_SUCCESS);
		assert_true(drawn > before);
		assert_true(is_fresh(&salt));
	}
}

static void test_too_little_room(void **state)
{
	uint8_t *out = malloc(ENCRYPTED_LEN - 1);
	TPM2B_NONCE salt;
	size_t n = 999;

	(void)state;
	salt_prepare(&ek);
	salt = take(SALT_LEN);
	assert_int_equal(salt_encrypt(&ek, SALT_LEN, salt.buffer, ENCRYPTED_LEN - 1, out, &n,
				      "SECRET", NULL),
			 TSS2_ESYS_RC_GENERAL_FAILURE);
	assert_int_equal(n, 0);
	free(out);
}

/* If a salt cannot be prepared, it is made when it is needed, or that fails. */
static void test_preparing_may_fail(void **state)
{
	TPM2B_NONCE salt;

	(void)state;
	broken = true;
	salt_prepare(&ek);
	assert_int_equal(salt_random(&salt, SALT_LEN, NULL), TSS2_ESYS_RC_GENERAL_FAILURE);
	broken = false;
	salt = take(SALT_LEN);
	assert_true(is_fresh(&salt));
	/* There are no random numbers yet, for the salt or only for its encryption. */
	for (size_t n = 0; n < 2; n++) {
		draws_left = n;
		salt_prepare(&ek);
		assert_int_equal(draws_left, 0);
		assert_int_equal(salt_random(&salt, SALT_LEN, NULL), TSS2_ESYS_RC_GENERAL_FAILURE);
		draws_left = SIZE_MAX;
		salt = take(SALT_LEN);
		assert_true(is_fresh(&salt));
	}
	salt_prepare(&ek); /* now there are random numbers */
	salt = take(SALT_LEN);
	assert_false(is_fresh(&salt));
	ek.publicArea.nameAlg = TPM2_ALG_SM3_256;
	salt_prepare(&ek);
	ek = public_key(TPM2_ALG_SHA256, 0);
	salt = take(SALT_LEN);
	assert_true(is_fresh(&salt));
	/* A key that is larger than the EK. */
	ek.publicArea.unique.rsa.size = 384;
	salt_prepare(&ek);
	ek = public_key(TPM2_ALG_SHA256, 0);
	salt = take(SALT_LEN);
	assert_true(is_fresh(&salt));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_prepared),
		TEST(test_not_prepared),
		TEST(test_nothing_is_given_twice),
		TEST(test_other_lengths_leave_it),
		TEST(test_other_uses_are_encrypted_anew),
		TEST(test_too_little_room),
		TEST(test_preparing_may_fail),
	};

	return cmocka_run_group_tests_name("salt", tests, NULL, NULL);
}
