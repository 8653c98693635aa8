/* src/tpm/template.c: the templates' bytes, and which keys count as made from them. */
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
static const uint8_t aik_ecc_bytes[88] = {
	0x00, 0x23, 0x00, 0x0b, 0x00, 0x05, 0x00, 0x72, 0x00, 0x00, 0x00,        0x10,
	0x00, 0x18, 0x00, 0x0b, 0x00, 0x03, 0x00, 0x10, 0x00, 0x20, [54] = 0x00, 0x20,
};

/* RSASSA-SHA256 on RSA 2048, the same attributes; 256 zero bytes follow (FIELD 45). */
static const uint8_t aik_rsa_bytes[280] = {
	0x00, 0x01, 0x00, 0x0b, 0x00, 0x05, 0x00, 0x72, 0x00, 0x00, 0x00, 0x10,
	0x00, 0x14, 0x00, 0x0b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00,
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
	is_marshalled(&template_aik_ecc, aik_ecc_bytes, sizeof aik_ecc_bytes);
	is_marshalled(&template_aik_rsa, aik_rsa_bytes, sizeof aik_rsa_bytes);
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
	assert_true(template_matches(&template_ek, &template_ek.publicArea));
	assert_true(template_matches(&template_ek, &area));
	assert_false(template_matches(&template_ek, &template_aik_ecc.publicArea));
	assert_false(template_matches(&template_ek, &template_aik_rsa.publicArea));
}

/* Each change makes it another kind of key. */
#define OTHER(member, value)                                         \
	do {                                                         \
		TPMT_PUBLIC area = key();                            \
		area.member = (value);                               \
		assert_false(template_matches(&template_ek, &area)); \
	} while (0)

static void test_each_attribute_counts(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 32; bit++) {
		OTHER(objectAttributes, template_ek.publicArea.objectAttributes ^ UINT32_C(1)
											  << bit);
	}
	OTHER(objectAttributes, 0x000300f2); /* of the EK templates in the high range */
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

/* Any 16 bits of a TPM's response may be changed. */
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
			(void)!template_matches(&template_ek, &area);
			assert_memory_equal(&area, after, sizeof area);
		}
	}
}

/* ---- the template in NV -------------------------------------------------- */

/* TPMT_PUBLIC of this template, as the index holds it. */
static size_t marshalled(const TPMT_PUBLIC *area, uint8_t *buf, size_t cap)
{
	size_t n = 0;

	assert_int_equal(Tss2_MU_TPMT_PUBLIC_Marshal(area, buf, cap, &n), 0);
	return n;
}

static bool reads(const TPMT_PUBLIC *area)
{
	uint8_t buf[512];
	size_t n = marshalled(area, buf, sizeof buf);
	uint8_t *p = exact(buf, n);
	TPM2B_PUBLIC found;
	bool r = template_read(p, n, &found);

	free(p);
	if (r) {
		uint8_t again[512];

		assert_int_equal(marshalled(&found.publicArea, again, sizeof again), n);
		assert_memory_equal(again, buf, n);
	}
	return r;
}

static void test_templates_that_are_read(void **state)
{
	TPMT_PUBLIC area = template_ek.publicArea;

	(void)state;
	assert_true(reads(&area));
	area.unique.rsa.size = 0; /* used as it is */
	assert_true(reads(&area));
	area.parameters.rsaDetail.exponent = 65537;
	assert_true(reads(&area));
	/* swtpm_setup --allow-signing --decryption */
	area.objectAttributes = 0x600b2;
	area.parameters.rsaDetail.symmetric.algorithm = TPM2_ALG_NULL;
	assert_true(reads(&area));
	area.objectAttributes |= TPMA_OBJECT_USERWITHAUTH;
	assert_true(reads(&area));
}

static void test_templates_that_are_none(void **state)
{
	static const TPMA_OBJECT needed[] = {TPMA_OBJECT_FIXEDTPM, TPMA_OBJECT_FIXEDPARENT,
					     TPMA_OBJECT_SENSITIVEDATAORIGIN,
					     TPMA_OBJECT_ADMINWITHPOLICY, TPMA_OBJECT_DECRYPT};
	uint8_t buf[512];
	size_t n = marshalled(&template_ek.publicArea, buf, sizeof buf);
	TPM2B_PUBLIC found;
	TPMT_PUBLIC area;

	(void)state;
	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
		area = template_ek.publicArea;
		area.objectAttributes &= ~needed[i];
		assert_false(reads(&area));
	}
	area = template_ek.publicArea;
	area.nameAlg = TPM2_ALG_SHA384;
	assert_false(reads(&area));
	area = template_ek.publicArea;
	area.parameters.rsaDetail.keyBits = 3072;
	assert_false(reads(&area));
	area = template_ek.publicArea;
	area.parameters.rsaDetail.exponent = 3;
	assert_false(reads(&area));
	area = template_ek.publicArea;
	area.authPolicy.buffer[31] ^= 1;
	assert_false(reads(&area));
	area.authPolicy.size = 0;
	assert_false(reads(&area));
	assert_false(reads(&template_aik_ecc.publicArea));
	/* It must be complete, and nothing may follow. */
	for (size_t len = 0; len < n; len++) {
		uint8_t *p = exact(buf, len);

		assert_false(template_read(p, len, &found));
		free(p);
	}
	assert_true(template_read(buf, n, &found));
	assert_false(template_read(buf, n + 1, &found));
}

static void test_nonces(void **state)
{
	static const uint8_t nonce[257] = {1, 2, 3, [255] = 4, [256] = 5};
	TPM2B_PUBLIC template = template_ek;

	(void)state;
	memset(template.publicArea.unique.rsa.buffer, 0xaa, 256);
	template.publicArea.unique.rsa.size = 20;
	assert_true(template_add_nonce(&template, nonce, 3));
	assert_int_equal(template.publicArea.unique.rsa.size, 256);
	assert_memory_equal(template.publicArea.unique.rsa.buffer, nonce, 3);
	for (unsigned i = 3; i < 256; i++) {
		assert_int_equal(template.publicArea.unique.rsa.buffer[i], 0);
	}
	assert_true(template_add_nonce(&template, nonce, 256));
	assert_memory_equal(template.publicArea.unique.rsa.buffer, nonce, 256);
	assert_false(template_add_nonce(&template, nonce, 257));
	assert_true(template_add_nonce(&template, nonce, 0));
	assert_memory_equal(&template.publicArea.unique, &template_ek.publicArea.unique, 258);
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
		cmocka_unit_test(test_templates_that_are_read),
		cmocka_unit_test(test_templates_that_are_none),
		cmocka_unit_test(test_nonces),
	};

	templates_make();
	return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
