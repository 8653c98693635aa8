/* src/crypto/cert_key.c: whose certificate is this? */
#include "unit.h"

#include "certificates.h"
#include "crypto/cert_key.h"
#include "err.h"
#include "rsa_key.h"
#include "wire/ek_cert.h"

#define EXPONENT 65537

static uint8_t cert[sizeof rsa_certificate + 64];
static uint8_t modulus[sizeof rsa_modulus];

/* Everything as it is in the headers. */
static int setup(void **state)
{
	(void)state;
	memcpy(cert, rsa_certificate, sizeof rsa_certificate);
	memcpy(modulus, rsa_modulus, sizeof modulus);
	return 0;
}

static int check(const uint8_t *p, size_t n)
{
	uint8_t *c = exact(p, n);
	uint8_t *m = exact(modulus, sizeof modulus);
	int r = cert_key_is_rsa(c, n, m, sizeof modulus, EXPONENT);

	free(m);
	free(c);
	return r;
}

/* Where the certificate has these bytes. */
static size_t find(const void *bytes, size_t n)
{
	const uint8_t *p = memmem(cert, sizeof rsa_certificate, bytes, n);

	assert_non_null(p);
	return (size_t)(p - cert);
}

/* BearSSL knows no other RSA algorithm than rsaEncryption. */
static void make_oaep(void)
{
	static const uint8_t rsa_encryption[] = {0x2a, 0x86, 0x48, 0x86, 0xf7,
						 0x0d, 0x01, 0x01, 0x01};

	const uint8_t *p =
		memmem(cert, sizeof rsa_certificate, rsa_encryption, sizeof rsa_encryption);

	if (p != NULL) { /* not made yet */
		cert[p - cert + sizeof rsa_encryption - 1] = 7;
	}
}

static void test_own_key(void **state)
{
	(void)state;
	assert_int_equal(check(cert, sizeof rsa_certificate), 0);
	make_oaep();
	assert_int_equal(check(cert, sizeof rsa_certificate), 0);
}

/* One bit anywhere in the modulus makes it another key: here or there. */
static void test_other_key(void **state)
{
	size_t at = find(rsa_modulus, sizeof rsa_modulus);

	(void)state;
	for (unsigned oaep = 0; oaep < 2; oaep++) {
		for (size_t i = 0; i < sizeof modulus; i++) {
			modulus[i] ^= 1 << i % 8;
			assert_int_equal(check(cert, sizeof rsa_certificate), -ERR_CERT_KEY);
			modulus[i] ^= 1 << i % 8;
			cert[at + i] ^= 1 << i % 8;
			assert_int_equal(check(cert, sizeof rsa_certificate), -ERR_CERT_KEY);
			cert[at + i] ^= 1 << i % 8;
		}
		make_oaep();
	}
}

static void test_part_of_a_key(void **state)
{
	(void)state;
	for (unsigned oaep = 0; oaep < 2; oaep++) {
		for (size_t n = 0; n < sizeof modulus; n++) {
			uint8_t *end = exact(modulus + sizeof modulus - n, n);
			uint8_t *start = exact(modulus, n);

			assert_int_equal(
				cert_key_is_rsa(cert, sizeof rsa_certificate, start, n, EXPONENT),
				-ERR_CERT_KEY);
			assert_int_equal(
				cert_key_is_rsa(cert, sizeof rsa_certificate, end, n, EXPONENT),
				-ERR_CERT_KEY);
			free(start);
			free(end);
		}
		make_oaep();
	}
}

static void test_exponent(void **state)
{
	static const uint32_t others[] = {0, 3, 17, 65536, 0x00010101, 0x01010001, 0x01000100};

	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		assert_int_equal(cert_key_is_rsa(cert, sizeof rsa_certificate, modulus,
						 sizeof modulus, others[i]),
				 -ERR_CERT_KEY);
	}
}

/* Moduli are numbers: some certificates have no leading 00 where DER wants
 * one, and some moduli begin with zeros. */
static void test_leading_zeros(void **state)
{
	size_t at = find(rsa_modulus, sizeof rsa_modulus);

	(void)state;
	for (unsigned oaep = 0; oaep < 2; oaep++) {
		for (size_t zeros = 0; zeros < 4; zeros++) {
			/* A shorter modulus, in the place of the long one. */
			memset(cert + at, 0, zeros);
			memset(modulus, 0, zeros);
			cert[at + zeros] = modulus[zeros] = 0x35;
			assert_int_equal(check(cert, sizeof rsa_certificate), 0);
			assert_int_equal(cert_key_is_rsa(cert, sizeof rsa_certificate,
							 modulus + zeros, sizeof modulus - zeros,
							 EXPONENT),
					 0);
		}
		make_oaep();
	}
}

static void test_other_kinds_of_key(void **state)
{
	static const uint8_t junk[64] = {0x30, 0x3e, 0x30, 0x3c};

	(void)state;
	assert_int_equal(check(ec_certificate, sizeof ec_certificate), -ERR_CERT_KEY);
	assert_int_equal(check(junk, sizeof junk), -ERR_CERT_FORMAT);
	assert_int_equal(check(junk, 0), -ERR_CERT_FORMAT);
	assert_int_equal(check(modulus, sizeof modulus), -ERR_CERT_FORMAT);
}

/* A certificate that is not whole is none, wherever it was cut. */
static void test_truncated(void **state)
{
	(void)state;
	for (unsigned oaep = 0; oaep < 2; oaep++) {
		for (size_t n = 0; n < sizeof rsa_certificate; n++) {
			assert_int_equal(check(cert, n), -ERR_CERT_FORMAT);
		}
		make_oaep();
	}
	for (size_t n = 0; n < sizeof ec_certificate; n++) {
		assert_int_not_equal(check(ec_certificate, n), 0);
	}
}

/* Every bit changed. (Every byte in every way takes the decoder too long.) */
static void try_damage(const uint8_t *p, size_t n)
{
	for (size_t bit = 0; bit < 8 * n; bit++) {
		uint8_t *copy = exact(p, n);
		int r;

		copy[bit / 8] ^= 1 << bit % 8;
		r = check(copy, n);
		assert_true(r == 0 || r == -ERR_CERT_KEY || r == -ERR_CERT_FORMAT);
		free(copy);
	}
}

static void test_every_damage(void **state)
{
	(void)state;
	try_damage(rsa_certificate, sizeof rsa_certificate);
	try_damage(ec_certificate, sizeof ec_certificate);
}

/* Certificates from the field, whatever BearSSL thinks of them. */
static void test_vectors(void **state)
{
	size_t n, len;
	const uint8_t *der, *key;
	uint8_t *file;
	static const char *const names[] = {
		"ekcert/hirs_nuc1_ek_cert_7_byte_header_removed.der",
		"ekcert/swtpm_rsa2048_ek_cert.der",
		"ekcert/keylime_st_rsa_ek_ff_padded.bin",
	};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		file = vector(names[i], &n);
		assert_int_equal(ek_cert_find(file, n, &der, &n), 0);
		assert_int_equal(ek_cert_rsa_modulus(der, n, &key, &len), 0);
		assert_int_equal(len, 256);
		memcpy(modulus, key, len);
		assert_int_equal(check(der, n), 0);
		modulus[255] ^= 2;
		assert_int_equal(check(der, n), -ERR_CERT_KEY);
		free(file);
	}
	file = vector("ekcert/keylime_nuvoton_ca2110_bad_set_order.der", &n);
	assert_int_not_equal(check(file, n), 0); /* for an EC key */
	free(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_own_key, setup),
		cmocka_unit_test_setup(test_other_key, setup),
		cmocka_unit_test_setup(test_part_of_a_key, setup),
		cmocka_unit_test_setup(test_exponent, setup),
		cmocka_unit_test_setup(test_leading_zeros, setup),
		cmocka_unit_test_setup(test_other_kinds_of_key, setup),
		cmocka_unit_test_setup(test_truncated, setup),
		cmocka_unit_test_setup(test_every_damage, setup),
		cmocka_unit_test_setup(test_vectors, setup),
	};

	return cmocka_run_group_tests_name("cert_key", tests, NULL, NULL);
}
