/*
 * src/wire/cert_key.c: whether a certificate belongs to a key. Complete certificates,
 * damaged ones, and those of TPM makers.
 */
#include "cert_key_check.h"

#include "wire/ek_cert.h"

/* The place of these bytes in the certificate. */
static size_t find(const void *bytes, size_t n)
{
	const uint8_t *p = memmem(cert, sizeof rsa_certificate, bytes, n);

	assert_non_null(p);
	return (size_t)(p - cert);
}

/* Some makers' certificates say that the key's algorithm is RSAES-OAEP. */
static void make_oaep(void)
{
	static const uint8_t rsa_encryption[] = {0x2a, 0x86, 0x48, 0x86, 0xf7,
						 0x0d, 0x01, 0x01, 0x01};

	const uint8_t *p =
		memmem(cert, sizeof rsa_certificate, rsa_encryption, sizeof rsa_encryption);

	if (p != NULL) { /* the copy is not made yet */
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

/* One changed bit in the modulus, of the key or of the certificate, makes it another key. */
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
	static const uint32_t others[] = {1, 3, 17, 65536, 0x00010101, 0x01010001, 0x01000100};
	size_t at = find("\x02\x03\x01\x00\x01", 5);

	(void)state;
	for (unsigned oaep = 0; oaep < 2; oaep++) {
		for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
			assert_int_equal(cert_key_is_rsa(cert, sizeof rsa_certificate, modulus,
							 sizeof modulus, others[i]),
					 -ERR_CERT_KEY);
		}
		/* for a TPM 0 means 65537 */
		assert_int_equal(
			cert_key_is_rsa(cert, sizeof rsa_certificate, modulus, sizeof modulus, 0),
			0);
		for (size_t bit = 0; bit < 24; bit++) {
			cert[at + 2 + bit / 8] ^= 1 << bit % 8;
			assert_int_equal(check(cert, sizeof rsa_certificate), -ERR_CERT_KEY);
			cert[at + 2 + bit / 8] ^= 1 << bit % 8;
		}
		make_oaep();
	}
}

/* Moduli are compared as numbers; some begin with zeros. */
static void test_leading_zeros(void **state)
{
	size_t at = find(rsa_modulus, sizeof rsa_modulus);

	(void)state;
	for (unsigned oaep = 0; oaep < 2; oaep++) {
		for (size_t zeros = 0; zeros < 4; zeros++) {
			/* A shorter modulus in the place of the longer one. */
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

/* A certificate that is cut short anywhere is refused. */
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

/* A change of a byte is noticed, unless the byte is in a part that is not looked at. */
static void try_damage(const uint8_t *p, size_t n, void *arg)
{
	int r = check(p, n);

	(void)arg;
	assert_true(r == 0 || r == -ERR_CERT_KEY || r == -ERR_CERT_FORMAT);
	if (r == 0) {
		assert_int_equal(n, sizeof rsa_certificate);
		assert_non_null(memmem(p, n, rsa_modulus, sizeof rsa_modulus));
		assert_non_null(memmem(p, n, "\x02\x03\x01\x00\x01", 5));
	}
}

static void test_every_damage(void **state)
{
	(void)state;
	sweep(rsa_certificate, sizeof rsa_certificate, try_damage, NULL);
	sweep(ec_certificate, sizeof ec_certificate, try_damage, NULL);
}

/* ---- certificates from the field -------------------------------------------- */

/* The certificate in a file; the caller frees it. Its key's modulus ends where the exponent
 * begins. */
static uint8_t *field(const char *name, const uint8_t **found, size_t *len)
{
	size_t n;
	uint8_t *file = vector(name, &n);
	const uint8_t *exponent;

	assert_int_equal(ek_cert_find(file, n, found, len), 0);
	exponent = memmem(*found, *len, "\x02\x03\x01\x00\x01", 5);
	if (exponent != NULL) {
		memcpy(modulus, exponent - sizeof modulus, sizeof modulus);
	}
	return file;
}

static void test_vectors(void **state)
{
	static const char *const rsa[] = {
		"ekcert/hirs_nuc1_ek_cert_7_byte_header_removed.der",
		"ekcert/hirs_nuc1_ek_cert_untouched_7byte_header.bin",
		"ekcert/swtpm_rsa2048_ek_cert.der",
		"ekcert/keylime_st_rsa_ek_ff_padded.bin",
	};
	static const char *const ecc[] = {
		"ekcert/swtpm_p384_ek_cert.der",
		"ekcert/keylime_nuvoton_ca2110_bad_set_order.der",
		"ekcert/synthetic_octet_string_wrapped.bin",
		"ekcert/synthetic_ff_padded_1600.bin",
	};
	const uint8_t *cert_found;
	size_t n;
	uint8_t *file;

	(void)state;
	for (size_t i = 0; i < sizeof rsa / sizeof *rsa; i++) {
		file = field(rsa[i], &cert_found, &n);
		assert_int_equal(check(cert_found, n), 0);
		assert_int_equal(
			cert_key_is_rsa(cert_found, n, modulus, sizeof modulus, 0x01000001),
			-ERR_CERT_KEY);
		modulus[255] ^= 2;
		assert_int_equal(check(cert_found, n), -ERR_CERT_KEY);
		free(file);
	}
	for (size_t i = 0; i < sizeof ecc / sizeof *ecc; i++) {
		file = field(ecc[i], &cert_found, &n);
		assert_int_equal(check(cert_found, n), -ERR_CERT_KEY);
		free(file);
	}
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
