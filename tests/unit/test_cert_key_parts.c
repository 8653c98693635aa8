/* src/wire/cert_key.c: each part of a certificate in turn is missing, there twice, too long, or
 * of another kind. */
#include "cert_key_check.h"

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

/* The parts of a certificate, from the outside to the inside, and how one of them is changed. */
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

/* No part may be missing, or be in another place. */
static void test_each_part(void **state)
{
	(void)state;
	for (enum part part = 0; part < PARTS; part++) {
		/* The contents may be anything of the same length. */
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
	/* bytes behind the key, inside its BIT STRING */
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
	p -= 4 + 4 + 1; /* two headers, and the count of unused bits before them */
	assert_memory_equal(p, "\x00\x30\x82", 3);
	assert_int_equal(check(c.p, c.n), 0);
	for (unsigned bits = 1; bits < 256; bits++) {
		*p = (uint8_t)bits;
		assert_int_equal(check(c.p, c.n), -ERR_CERT_FORMAT);
	}
}

/* Some certificates lack the leading 00 that DER requires, or have too many. */
static void test_zeros(void **state)
{
	struct bytes number, power, c;

	(void)state;
	wanted.fault = NONE;
	for (size_t zeros = 0; zeros < 4; zeros++) {
		number = power = of("\0\0\0", zeros);
		c = made(number, power_of_f4());
		assert_int_equal(check(c.p, c.n), -ERR_CERT_KEY);
		/* 0 is no modulus, not even if the key is empty */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_each_part, setup),
		cmocka_unit_test_setup(test_unused_bits, setup),
		cmocka_unit_test_setup(test_zeros, setup),
	};

	return cmocka_run_group_tests_name("cert_key: parts", tests, NULL, NULL);
}
