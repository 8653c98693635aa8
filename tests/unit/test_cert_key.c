/* src/wire/cert_key.c: whose certificate is this? */
#include "unit.h"

#include "certificates.h"
#include "err.h"
#include "rsa_key.h"
#include "wire/cert_key.h"
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

/* Some makers name the key's algorithm RSAES-OAEP. */
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
	static const uint32_t others[] = {1, 3, 17, 65536, 0x00010101, 0x01010001, 0x01000100};
	size_t at = find("\x02\x03\x01\x00\x01", 5);

	(void)state;
	for (unsigned oaep = 0; oaep < 2; oaep++) {
		for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
			assert_int_equal(cert_key_is_rsa(cert, sizeof rsa_certificate, modulus,
							 sizeof modulus, others[i]),
					 -ERR_CERT_KEY);
		}
		/* 0 means 65537 to a TPM */
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

/* Moduli are numbers, and some begin with zeros. */
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

/* Does no byte but those that are not looked at matter, and do all others? */
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

/* ---- certificates made of no more than is walked over ---------------------- */

struct bytes {
	uint8_t p[1024];
	size_t n;
};

static void add(struct bytes *b, const void *p, size_t n)
{
	assert_true(n <= sizeof b->p - b->n);
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

static struct bytes der(uint8_t tag, struct bytes in)
{
	const uint8_t head[] = {tag, 0x82, (uint8_t)(in.n >> 8), (uint8_t)in.n};
	struct bytes out = {.n = 0};

	add(&out, head, sizeof head);
	add(&out, in.p, in.n);
	return out;
}

/* What a certificate consists of, outside in; and what may be done to each. */
enum part {
	CERTIFICATE,
	TBS,
	VERSION,
	SERIAL,
	SIGNATURE,
	ISSUER,
	VALIDITY,
	SUBJECT,
	SPKI,
	ALGORITHM,
	BITS,
	KEY,
	MODULUS,
	EXPONENT_PART,
	EXTENSIONS,
	SIGNATURE_ALGORITHM,
	SIGNATURE_VALUE,
	PARTS
};
enum fault { NONE, LEFT_OUT, OTHER_TAG, TWICE, FILLED_UP, TOO_LONG };

static struct {
	enum part part;
	enum fault fault;
} wanted;

static void put(struct bytes *b, enum part part, uint8_t tag, struct bytes in)
{
	enum fault fault = wanted.part == part ? wanted.fault : NONE;
	struct bytes element;

	if (fault == LEFT_OUT) {
		return;
	}
	if (fault == FILLED_UP) {
		add(&in, "\x05\x00", 2);
	}
	element = der(fault == OTHER_TAG ? 0x31 : tag, in);
	if (fault == TOO_LONG) {
		element.p[2]++;
	}
	add(b, element.p, element.n);
	if (fault == TWICE) {
		add(b, element.p, element.n);
	}
}

static struct bytes made(struct bytes number, struct bytes power)
{
	static const struct bytes some = {.p = {0x05, 0x00}, .n = 2};
	struct bytes rsa = {.n = 0}, bits = {.p = {0}, .n = 1}, spki = {.n = 0}, tbs = {.n = 0};
	struct bytes certificate = {.n = 0}, all = {.n = 0};

	put(&rsa, MODULUS, 0x02, number);
	put(&rsa, EXPONENT_PART, 0x02, power);
	put(&bits, KEY, 0x30, rsa);
	put(&spki, ALGORITHM, 0x30, some);
	put(&spki, BITS, 0x03, bits);
	put(&tbs, VERSION, 0xa0, some);
	put(&tbs, SERIAL, 0x02, some);
	put(&tbs, SIGNATURE, 0x30, some);
	put(&tbs, ISSUER, 0x30, some);
	put(&tbs, VALIDITY, 0x30, some);
	put(&tbs, SUBJECT, 0x30, some);
	put(&tbs, SPKI, 0x30, spki);
	put(&tbs, EXTENSIONS, 0xa3, some);
	put(&certificate, TBS, 0x30, tbs);
	put(&certificate, SIGNATURE_ALGORITHM, 0x30, some);
	put(&certificate, SIGNATURE_VALUE, 0x03, some);
	put(&all, CERTIFICATE, 0x30, certificate);
	return all;
}

static struct bytes of(const void *p, size_t n)
{
	struct bytes b = {.n = 0};

	add(&b, p, n);
	return b;
}

static struct bytes power_of_f4(void)
{
	return of("\x01\x00\x01", 3);
}

static int check_made(enum part part, enum fault fault)
{
	struct bytes c;

	wanted.part = part;
	wanted.fault = fault;
	c = made(of(modulus, sizeof modulus), power_of_f4());
	return check(c.p, c.n);
}

/* Nothing may be missing, or stand where it does not belong. */
static void test_each_part(void **state)
{
	(void)state;
	for (enum part part = 0; part < PARTS; part++) {
		/* What is in there may be anything that has its length. */
		bool is_opaque = part != CERTIFICATE && part != TBS && part != SPKI && part != KEY;
		bool is_key = part == KEY || part == MODULUS || part == EXPONENT_PART;
		bool may_miss = part == VERSION || part == EXTENSIONS;
		int wrong = is_key ? -ERR_CERT_KEY : -ERR_CERT_FORMAT;

		assert_int_equal(check_made(part, NONE), 0);
		assert_int_equal(check_made(part, LEFT_OUT), may_miss ? 0 : wrong);
		assert_int_equal(check_made(part, OTHER_TAG), wrong);
		assert_int_equal(check_made(part, TWICE), part == EXTENSIONS ? 0 : wrong);
		assert_int_not_equal(check_made(part, TOO_LONG), 0);
		if (!is_opaque || is_key) {
			assert_int_equal(check_made(part, FILLED_UP), wrong);
		}
	}
	/* behind the key, in its BIT STRING */
	assert_int_equal(check_made(BITS, FILLED_UP), -ERR_CERT_KEY);
}

static void test_unused_bits(void **state)
{
	struct bytes c;
	uint8_t *p;

	(void)state;
	wanted.fault = NONE;
	c = made(of(modulus, sizeof modulus), power_of_f4());
	p = memmem(c.p, c.n, modulus, sizeof modulus);
	assert_non_null(p);
	p -= 4 + 4 + 1; /* the heads of INTEGER and SEQUENCE; the count before them */
	assert_memory_equal(p, "\x00\x30\x82", 3);
	assert_int_equal(check(c.p, c.n), 0);
	for (unsigned bits = 1; bits < 256; bits++) {
		*p = (uint8_t)bits;
		assert_int_equal(check(c.p, c.n), -ERR_CERT_FORMAT);
	}
}

/* Some certificates have no leading 00 where DER wants one, or more of them. */
static void test_zeros(void **state)
{
	struct bytes number, power, c;

	(void)state;
	wanted.fault = NONE;
	for (size_t zeros = 0; zeros < 4; zeros++) {
		number = power = of("\0\0\0", zeros);
		c = made(number, power_of_f4());
		assert_int_equal(check(c.p, c.n), -ERR_CERT_KEY);
		/* and 0 is no modulus, not even of an empty key */
		assert_int_equal(cert_key_is_rsa(c.p, c.n, modulus, 0, EXPONENT), -ERR_CERT_KEY);
		c = made(of(modulus, sizeof modulus), power);
		assert_int_equal(check(c.p, c.n), -ERR_CERT_KEY);
		add(&number, modulus, sizeof modulus);
		add(&power, "\x01\x00\x01", 3);
		c = made(number, power);
		assert_int_equal(check(c.p, c.n), 0);
		add(&power, "", 1);
		c = made(number, power);
		assert_int_equal(check(c.p, c.n), -ERR_CERT_KEY);
	}
}

/* ---- certificates from the field -------------------------------------------- */

/* The certificate in a file, to be freed; its key's modulus stands right before
 * the exponent. */
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
		cmocka_unit_test_setup(test_each_part, setup),
		cmocka_unit_test_setup(test_unused_bits, setup),
		cmocka_unit_test_setup(test_zeros, setup),
		cmocka_unit_test_setup(test_vectors, setup),
	};

	return cmocka_run_group_tests_name("cert_key", tests, NULL, NULL);
}
