/* src/wire/pem.c: certificates in PEM files. */
#include "unit.h"

#include "certificates.h"
#include "err.h"
#include "wire/base64.h"
#include "wire/pem.h"

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END "-----END CERTIFICATE-----"

struct made {
	char p[4096];
	size_t n;
};

static void put(struct made *t, const char *s)
{
	size_t n = strlen(s);

	assert_true(n <= sizeof t->p - t->n);
	memcpy(t->p + t->n, s, n);
	t->n += n;
}

/* The certificate in lines of this width, with these line ends. */
static struct made file(const uint8_t *p, size_t n, size_t width, const char *line_end)
{
	struct made t = {.n = 0};
	char body[2048];
	char line[2048];

	assert_true((n + 2) / 3 * 4 <= sizeof body);
	base64_encode(p, n, body);
	put(&t, BEGIN);
	put(&t, line_end);
	for (size_t at = 0, len = (n + 2) / 3 * 4; at < len; at += width) {
		snprintf(line, sizeof line, "%.*s", (int)(len - at < width ? len - at : width),
			 body + at);
		put(&t, line);
		put(&t, line_end);
	}
	put(&t, END);
	put(&t, line_end);
	return t;
}

static int read_into(const struct made *t, uint8_t *buf, size_t cap, size_t *len)
{
	uint8_t *copy = exact(t->p, t->n);
	int e = pem_certificate(copy, t->n, buf, cap, len);

	free(copy);
	return e;
}

/* To a buffer of exactly the right size. */
static void reads(struct made t, const uint8_t *want, size_t n)
{
	uint8_t *buf = malloc(n);
	size_t len = 99;

	assert_int_equal(read_into(&t, buf, n, &len), 0);
	assert_int_equal(len, n);
	assert_memory_equal(buf, want, n);
	free(buf);
}

static void refuses_into(struct made t, size_t cap)
{
	uint8_t *buf = malloc(cap);
	size_t len = 99;

	memset(buf, 0, cap);
	assert_int_equal(read_into(&t, buf, cap, &len), -ERR_CERT_FORMAT);
	assert_int_equal(len, 0);
	for (size_t i = 0; i < cap; i++) {
		assert_int_equal(buf[i], 0);
	}
	free(buf);
}

static void refuses(struct made t)
{
	refuses_into(t, 4096);
}

static void reads_rsa(struct made t)
{
	reads(t, rsa_certificate, sizeof rsa_certificate);
}

static void test_lines(void **state)
{
	static const char *const ends[] = {"\n", "\r\n", " \t\r\n", "\n\n"};

	(void)state;
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		for (size_t width = 60; width < 80; width++) {
			reads_rsa(file(rsa_certificate, sizeof rsa_certificate, width, ends[i]));
		}
		reads_rsa(file(rsa_certificate, sizeof rsa_certificate, 2000, ends[i]));
	}
	/* the last line needs no line end */
	for (size_t n = sizeof rsa_certificate; n > 490; n--) {
		struct made t = file(rsa_certificate, n, 64, "\n");

		t.n--;
		reads(t, rsa_certificate, n);
	}
}

static void test_text_around(void **state)
{
	struct made good = file(rsa_certificate, sizeof rsa_certificate, 64, "\n");
	struct made key = {.n = 0};
	struct made t;
	static const char *const before[] = {
		"\xef\xbb\xbf", /* a byte order mark */
		"subject=CN = EK\nissuer=CN = a CA\n",
		"Certificate:\r\n    Data:\r\n        Version: 3 (0x2)\r\n",
		"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
		"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
		"-----END CERTIFICATE-----\n",
		"-----BEGIN ",
		"-----",
	};

	(void)state;
	for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
		t = (struct made){.n = 0};
		put(&t, before[i]);
		memcpy(t.p + t.n, good.p, good.n);
		t.n += good.n;
		reads_rsa(t);
	}
	/* text behind it is ignored, also another certificate */
	t = good;
	put(&t, "-----BEGIN CERTIFICATE-----\n!");
	reads_rsa(t);
	t = file(ec_certificate, sizeof ec_certificate, 64, "\n");
	memcpy(t.p + t.n, good.p, good.n);
	t.n += good.n;
	reads(t, ec_certificate, sizeof ec_certificate);
	memcpy(key.p, rsa_certificate, sizeof rsa_certificate); /* the file is DER, not PEM */
	key.n = sizeof rsa_certificate;
	refuses(key);
}

static void test_wrong(void **state)
{
	static const char *const texts[] = {
		"",
		BEGIN,
		END,
		BEGIN "\n",
		BEGIN "\nAAAA\n",
		BEGIN "\nAAAA\n-----END CERTIFICATE----",
		BEGIN "\nAAAA\n-----END PUBLIC KEY-----\n",
		"-----BEGIN CERTIFICATE----\nAAAA\n" END,
		"-----BEGIN TRUSTED CERTIFICATE-----\nAAAA\n-----END TRUSTED CERTIFICATE-----\n",
		END "\nAAAA\n" BEGIN,
		BEGIN "\nAAAA=\n" END,
		BEGIN "\nAAA*\n" END,
		BEGIN "\nAA\0A\n" END,
		BEGIN "\nA\n" END,
		BEGIN "\n" END,
		BEGIN END,
		BEGIN "\n====\n" END,
		BEGIN "\nHeader: x\n\nAAAA\n" END,
		BEGIN "\nAAAA\n" BEGIN "\nAAAA\n" END,
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct made t = {.n = 0};

		put(&t, texts[i]);
		refuses(t);
	}
}

static void test_truncated(void **state)
{
	struct made good = file(rsa_certificate, sizeof rsa_certificate, 64, "\r\n");

	(void)state;
	good.n -= 2; /* without the end of the last line */
	reads_rsa(good);
	while (good.n > 0) {
		good.n--;
		refuses(good);
	}
}

static void test_no_room(void **state)
{
	(void)state;
	for (size_t n = 490; n < sizeof rsa_certificate; n++) {
		struct made t = file(rsa_certificate, n, 64, "\n");

		reads(t, rsa_certificate, n);
		for (size_t cap = 0; cap < n; cap += 1 + (n - cap) / 4) {
			refuses_into(t, cap);
		}
		refuses_into(t, n - 1);
	}
}

static void damaged(const uint8_t *p, size_t n, void *arg)
{
	uint8_t *buf = malloc(256);
	size_t len = 99;
	int e = pem_certificate(p, n, buf, 256, &len);

	(void)arg;
	assert_true(e == 0 || e == -ERR_CERT_FORMAT);
	assert_true(e == 0 ? len <= 256 : len == 0);
	free(buf);
}

static void test_damaged(void **state)
{
	struct made t = file(rsa_certificate, 64, 32, "\r\n");

	(void)state;
	sweep((const uint8_t *)t.p, t.n, damaged, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),   cmocka_unit_test(test_text_around),
		cmocka_unit_test(test_wrong),   cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_no_room), cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests_name("pem", tests, NULL, NULL);
}
