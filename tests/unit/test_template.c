/* src/tpm/template.c: the templates' bytes, and what is a key made from them. */
#include "unit.h"

#include <tss2/tss2_mu.h>

#include "tpm/template.h"

/* TCG EK Credential Profile, B.3.3 (L-1); 256 zero bytes follow. */
static const uint8_t ek_bytes[314] = {
	0x00, 0x01, 0x00, 0x0b, 0x00, 0x03, 0x00, 0xb2, 0x00, 0x20, 0x83, 0x71, 0x97, 0x67, 0x44,
	0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e,
	0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa, 0x00, 0x06, 0x00,
	0x80, 0x00, 0x43, 0x00, 0x10, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00,
};

/* ECDSA on P-256: fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth,
 * restricted, sign; no policy; 32 zero bytes each in x and y. */
static const uint8_t aik_bytes[88] = {
	0x00, 0x23, 0x00, 0x0b, 0x00, 0x05, 0x00, 0x72, 0x00, 0x00, 0x00,        0x10,
	0x00, 0x18, 0x00, 0x0b, 0x00, 0x03, 0x00, 0x10, 0x00, 0x20, [54] = 0x00, 0x20,
};

static void is_marshalled(const TPM2B_PUBLIC *template, const uint8_t *want, size_t n)
{
	uint8_t *p = malloc(n);
	size_t len = 0;

	assert_non_null(p);
	assert_int_equal(Tss2_MU_TPMT_PUBLIC_Marshal(&template->publicArea, p, n, &len),
			 TSS2_RC_SUCCESS);
	assert_int_equal(len, n);
	assert_memory_equal(p, want, n);
	free(p);
}

static void test_bytes(void **state)
{
	(void)state;
	is_marshalled(&template_ek, ek_bytes, sizeof ek_bytes);
	is_marshalled(&template_aik, aik_bytes, sizeof aik_bytes);
}

static void test_vector(void **state)
{
	size_t n;
	uint8_t *file = vector("template/L-1_rsa2048.tpmt_public.bin", &n);

	(void)state;
	assert_int_equal(n, sizeof ek_bytes);
	assert_memory_equal(file, ek_bytes, n);
	free(file);
}

/* The template with a modulus in it. */
static TPMT_PUBLIC key(void)
{
	TPMT_PUBLIC area = template_ek.publicArea;

	memset(area.unique.rsa.buffer, 0xb7, 256);
	return area;
}

static void test_ek_is_one(void **state)
{
	TPMT_PUBLIC area = key();

	(void)state;
	assert_true(template_is_ek(&template_ek.publicArea));
	assert_true(template_is_ek(&area));
	assert_false(template_is_ek(&template_aik.publicArea));
}

/* Each makes another key of it. */
#define OTHER(member, value)                         \
	do {                                         \
		TPMT_PUBLIC area = key();            \
		area.member = (value);               \
		assert_false(template_is_ek(&area)); \
	} while (0)

static void test_each_attribute_counts(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 32; bit++) {
		OTHER(objectAttributes, template_ek.publicArea.objectAttributes ^ UINT32_C(1)
											  << bit);
	}
	OTHER(objectAttributes, 0x000300f2); /* the high range's */
	OTHER(objectAttributes, 0);
}

static void test_the_policy_counts(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 32; i++) {
		OTHER(authPolicy.buffer[i], (BYTE)~template_ek.publicArea.authPolicy.buffer[i]);
	}
	for (unsigned n = 0; n < 100; n++) {
		if (n != 32) {
			OTHER(authPolicy.size, (UINT16)n);
		}
	}
	OTHER(authPolicy.size, 0xffff);
}

static void test_each_algorithm_counts(void **state)
{
	(void)state;
	OTHER(type, TPM2_ALG_ECC);
	OTHER(type, TPM2_ALG_KEYEDHASH);
	OTHER(type, TPM2_ALG_SYMCIPHER);
	OTHER(type, TPM2_ALG_NULL);
	OTHER(type, 0xffff);
	OTHER(nameAlg, TPM2_ALG_SHA1);
	OTHER(nameAlg, TPM2_ALG_SHA384);
	OTHER(nameAlg, TPM2_ALG_NULL);
	OTHER(parameters.rsaDetail.symmetric.algorithm, TPM2_ALG_NULL);
	OTHER(parameters.rsaDetail.symmetric.algorithm, TPM2_ALG_SM4);
	OTHER(parameters.rsaDetail.symmetric.keyBits.aes, 256);
	OTHER(parameters.rsaDetail.symmetric.mode.aes, TPM2_ALG_CTR);
	OTHER(parameters.rsaDetail.scheme.scheme, TPM2_ALG_RSAES);
	OTHER(parameters.rsaDetail.scheme.scheme, TPM2_ALG_OAEP);
	OTHER(parameters.rsaDetail.scheme.scheme, TPM2_ALG_RSASSA);
	OTHER(parameters.rsaDetail.exponent, 65537);
	OTHER(parameters.rsaDetail.exponent, 3);
}

static void test_each_size_counts(void **state)
{
	static const UINT16 bits[] = {0, 1024, 2047, 3072, 4096};
	static const UINT16 bytes[] = {0, 128, 255, 257, 384, 512, 513, 65535};

	(void)state;
	for (size_t i = 0; i < sizeof bits / sizeof *bits; i++) {
		OTHER(parameters.rsaDetail.keyBits, bits[i]);
	}
	for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
		OTHER(unique.rsa.size, bytes[i]);
	}
}

/* Whatever a TPM answers: each 16 bits of it, changed. */
static void test_every_damage(void **state)
{
	static const uint16_t values[] = {0x0000, 0x0001, 0x0010, 0x00ff, 0x7fff, 0x8000, 0xffff};
	TPMT_PUBLIC good = key();

	(void)state;
	for (size_t at = 0; at + 2 <= sizeof good; at += 2) {
		for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
			TPMT_PUBLIC area = good;
			uint8_t after[sizeof area];

			memcpy((uint8_t *)&area + at, &values[i], 2);
			memcpy(after, &area, sizeof area);
			(void)!template_is_ek(&area);
			assert_memory_equal(&area, after, sizeof area);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_vector),
		cmocka_unit_test(test_ek_is_one),
		cmocka_unit_test(test_each_attribute_counts),
		cmocka_unit_test(test_the_policy_counts),
		cmocka_unit_test(test_each_algorithm_counts),
		cmocka_unit_test(test_each_size_counts),
		cmocka_unit_test(test_every_damage),
	};

	return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
