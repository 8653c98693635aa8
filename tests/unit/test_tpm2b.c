/* src/tpm/tpm2b.c: TPM2Bs that hold bytes, and TPM2Bs that hold structures. */
#include "unit.h"

#include <tss2/tss2_mu.h>

/* The n bytes of hex in a buffer of just their size, from its second byte on. */
static TSS2_RC unmarshal(const char *hex, TPM2B_NAME *name, size_t *offset)
{
	size_t n;
	uint8_t *bytes = unhex(hex, &n);
	uint8_t *p = exact(bytes, n);
	TSS2_RC rc;

	*offset = 1;
	rc = Tss2_MU_TPM2B_NAME_Unmarshal(p, n, offset, name);
	free(bytes);
	free(p);
	return rc;
}

static void test_bytes_are_taken(void **state)
{
	TPM2B_NAME name;
	size_t offset;

	(void)state;
	assert_int_equal(unmarshal("aa0003010203ff", &name, &offset), TSS2_RC_SUCCESS);
	assert_int_equal(name.size, 3);
	assert_memory_equal(name.name, "\1\2\3", 3);
	assert_int_equal(offset, 6);
	assert_int_equal(unmarshal("aa0000", &name, &offset), TSS2_RC_SUCCESS);
	assert_int_equal(name.size, 0);
	assert_int_equal(offset, 3);
	assert_int_equal(unmarshal("aa0002ffff", NULL, &offset), TSS2_RC_SUCCESS);
	assert_int_equal(offset, 5);
}

static void test_bytes_are_whole(void **state)
{
	static const char *const cases[] = {"", "aa", "aa00", "aa0001", "aa0003ffff"};
	uint8_t *large = calloc(1, 3 + sizeof(TPMU_NAME));
	TPM2B_NAME name;
	size_t offset = 1;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(unmarshal(cases[i], &name, &offset),
				 TSS2_MU_RC_INSUFFICIENT_BUFFER);
	}
	/* The longest fits, one byte more does not. */
	large[1] = sizeof(TPMU_NAME) >> 8;
	large[2] = (uint8_t)sizeof(TPMU_NAME);
	offset = 1;
	assert_int_equal(Tss2_MU_TPM2B_NAME_Unmarshal(large, 3 + sizeof(TPMU_NAME), &offset, &name),
			 TSS2_RC_SUCCESS);
	assert_int_equal(name.size, sizeof(TPMU_NAME));
	large[2]++;
	offset = 1;
	assert_int_equal(Tss2_MU_TPM2B_NAME_Unmarshal(large, 8192, &offset, &name),
			 TSS2_MU_RC_INSUFFICIENT_BUFFER);
	free(large);
	assert_int_equal(Tss2_MU_TPM2B_NAME_Unmarshal(NULL, 3, &offset, &name),
			 TSS2_MU_RC_BAD_REFERENCE);
	assert_int_equal(Tss2_MU_TPM2B_NAME_Unmarshal(name.name, 3, NULL, NULL),
			 TSS2_MU_RC_BAD_REFERENCE);
}

static void test_bytes_are_put(void **state)
{
	TPM2B_DIGEST digest = {.size = 3, .buffer = {1, 2, 3}};
	size_t offset = 1;

	(void)state;
	for (size_t n = 0; n <= 6; n++) {
		uint8_t *p = malloc(n + (n == 0));

		assert_non_null(p);
		offset = 1;
		assert_int_equal(Tss2_MU_TPM2B_DIGEST_Marshal(&digest, p, n, &offset),
				 n < 6 ? TSS2_MU_RC_INSUFFICIENT_BUFFER : TSS2_RC_SUCCESS);
		assert_int_equal(offset, n < 6 ? 1 : 6);
		if (n == 6) {
			assert_memory_equal(p + 1, "\0\3\1\2\3", 5);
		}
		free(p);
	}
	/* Without a buffer, only the length is computed. */
	assert_int_equal(Tss2_MU_TPM2B_DIGEST_Marshal(&digest, NULL, 0, &offset), TSS2_RC_SUCCESS);
	assert_int_equal(offset, 11);
	digest.size = sizeof digest.buffer + 1;
	assert_int_equal(Tss2_MU_TPM2B_DIGEST_Marshal(&digest, NULL, 0, &offset),
			 TSS2_MU_RC_BAD_SIZE);
	assert_int_equal(Tss2_MU_TPM2B_DIGEST_Marshal(NULL, NULL, 0, &offset),
			 TSS2_MU_RC_BAD_REFERENCE);
}

/* TPMT_PUBLIC of a P-256 key, with its size before it, whatever size says. */
static const TPM2B_PUBLIC key = {
	.size = 7,
	.publicArea = {.type = TPM2_ALG_ECC,
		       .nameAlg = TPM2_ALG_SHA256,
		       .parameters.eccDetail = {.symmetric.algorithm = TPM2_ALG_NULL,
						.scheme.scheme = TPM2_ALG_NULL,
						.curveID = TPM2_ECC_NIST_P256,
						.kdf.scheme = TPM2_ALG_NULL},
		       .unique.ecc = {.x = {.size = 1, .buffer = {9}}}}};

static void test_structures(void **state)
{
	uint8_t p[64];
	size_t n = 1, offset;
	TPM2B_PUBLIC found;

	(void)state;
	memset(p, 0xee, sizeof p);
	assert_int_equal(Tss2_MU_TPM2B_PUBLIC_Marshal(&key, p, sizeof p, &n), TSS2_RC_SUCCESS);
	assert_int_equal(p[1] << 8 | p[2], n - 3);
	assert_int_equal(n, 1 + 2 + 2 + 2 + 4 + 2 + 2 + 2 + 2 + 2 + 3 + 2);
	for (size_t cut = 1; cut <= n; cut++) {
		uint8_t *copy = exact(p, cut);

		offset = 1;
		assert_int_equal(Tss2_MU_TPM2B_PUBLIC_Unmarshal(copy, cut, &offset, &found) ==
					 TSS2_RC_SUCCESS,
				 cut == n);
		offset = 1;
		assert_int_equal(Tss2_MU_TPM2B_PUBLIC_Marshal(&key, copy, cut, &offset) ==
					 TSS2_RC_SUCCESS,
				 cut == n);
		free(copy);
	}
	assert_int_equal(found.publicArea.unique.ecc.x.size, 1);
	assert_int_equal(found.publicArea.unique.ecc.x.buffer[0], 9);
	/* The structure is as long as its size says: no less, and no more. */
	for (int d = -1; d <= 1; d += 2) {
		p[2] = (uint8_t)(n - 3 + (size_t)d);
		offset = 1;
		assert_int_not_equal(Tss2_MU_TPM2B_PUBLIC_Unmarshal(p, sizeof p, &offset, &found),
				     TSS2_RC_SUCCESS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes_are_taken),
		cmocka_unit_test(test_bytes_are_whole),
		cmocka_unit_test(test_bytes_are_put),
		cmocka_unit_test(test_structures),
	};

	return cmocka_run_group_tests_name("tpm2b", tests, NULL, NULL);
}
