/* src/wire/cert_chain.c: certificates one after another, with other bytes between them. */
#include "unit.h"

#include "bounds.h"
#include "certificates.h"
#include "wire/cert_chain.h"

static uint8_t nv[EK_CHAIN_MAX];
static size_t nv_len;

static void put(const void *p, size_t n)
{
	assert_in_range(n, 0, sizeof nv - nv_len);
	memcpy(nv + nv_len, p, n);
	nv_len += n;
}

static void pad(uint8_t byte, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		put(&byte, 1);
	}
}

#define PUT_RSA put(rsa_certificate, sizeof rsa_certificate)
#define PUT_EC put(ec_certificate, sizeof ec_certificate)

/* What is found, as letters: r, e, or ? for another certificate; then ! if bytes were lost. */
static const char *found(void)
{
	static char text[EK_CHAIN_MAX];
	uint8_t *copy = exact(nv, nv_len);
	struct reader r = reader_over(copy, nv_len);
	const uint8_t *cert, *end = copy;
	size_t len, n = 0;
	bool lost = false;

	while (cert_chain_next(&r, &cert, &len, &lost)) {
		assert_true(cert >= end && len > 0 && cert + len <= copy + nv_len);
		end = cert + len;
		assert_ptr_equal(r.p, end);
		assert_int_equal(r.n, (size_t)(copy + nv_len - end));
		if (len == sizeof rsa_certificate && memcmp(cert, rsa_certificate, len) == 0) {
			text[n++] = 'r';
		} else if (len == sizeof ec_certificate && memcmp(cert, ec_certificate, len) == 0) {
			text[n++] = 'e';
		} else {
			text[n++] = '?';
		}
	}
	assert_null(cert);
	assert_int_equal(len, 0);
	assert_int_equal(r.n, 0);
	assert_false(cert_chain_next(&r, &cert, &len, &lost));
	text[n] = lost ? '!' : '\0';
	text[n + 1] = '\0';
	free(copy);
	return text;
}

static void finds_one_after_another(void **state)
{
	(void)state;
	nv_len = 0;
	assert_string_equal(found(), "");
	for (unsigned n = 1; n <= 5; n++) {
		static const char want[] = "ererer";

		if (n % 2 == 1) {
			PUT_EC;
		} else {
			PUT_RSA;
		}
		assert_int_equal(strlen(found()), n);
		assert_memory_equal(found(), want, n);
	}
}

static void skips_padding(void **state)
{
	static const size_t sizes[] = {0, 1, 2, 3, 255, 1000};

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		nv_len = 0;
		pad(0xff, sizes[i]);
		pad(0x00, sizes[i]);
		PUT_RSA;
		pad(0x00, sizes[i]);
		pad(0xff, sizes[i]);
		PUT_EC;
		pad(0xff, sizes[i]);
		pad(0x00, sizes[i]);
		assert_string_equal(found(), "re");
	}
	nv_len = 0;
	pad(0x00, 512);
	pad(0xff, 512);
	assert_string_equal(found(), "");
}

/* The offset of the contents of ec_certificate's last part, the BIT STRING. */
static size_t signature_at(void)
{
	for (size_t at = 2; at < sizeof ec_certificate; at++) {
		if (ec_certificate[at - 2] == 0x03 &&
		    ec_certificate[at - 1] == sizeof ec_certificate - at) {
			return at;
		}
	}
	fail();
	return 0;
}

/*
 * A complete certificate behind one that is cut short is found. But if the first one
 * only lacks a part of its signature, the bytes that follow are taken for this part.
 */
static void certificate_cut_short(void **state)
{
	size_t signature = signature_at();

	(void)state;
	for (size_t cut = 1; cut < sizeof ec_certificate; cut++) {
		nv_len = 0;
		put(ec_certificate, cut);
		assert_string_equal(found(), "!");
		PUT_RSA;
		PUT_EC;
		assert_string_equal(found(), cut < signature ? "re!" : "?e!");
		nv_len = 0;
		PUT_RSA;
		put(ec_certificate, cut);
		pad(0xff, sizeof ec_certificate);
		PUT_RSA;
		assert_string_equal(found(), cut < signature ? "rr!" : "r?r");
	}
}

static void certificate_without_its_start(void **state)
{
	(void)state;
	for (size_t cut = 1; cut < sizeof ec_certificate; cut++) {
		nv_len = 0;
		PUT_RSA;
		put(ec_certificate + cut, sizeof ec_certificate - cut);
		PUT_EC;
		assert_string_equal(found(), "re!");
	}
}

static void skips_other_bytes(void **state)
{
	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		bool is_padding = byte == 0x00 || byte == 0xff;

		nv_len = 0;
		pad((uint8_t)byte, 3);
		PUT_EC;
		assert_string_equal(found(), is_padding ? "e" : "e!");
		nv_len = 0;
		PUT_EC;
		pad((uint8_t)byte, 1);
		assert_string_equal(found(), is_padding ? "e" : "e!");
	}
}

/* Only a SEQUENCE of exactly a SEQUENCE, a SEQUENCE and a BIT STRING is a certificate. */
static void structure_of_a_certificate(void **state)
{
	static const struct {
		const char *hex;
		const char *want;
	} all[] = {
		{"300730003000030100", "?"},
		{"30810730003000030100", "?"},
		{"3082000730003000030100", "?"},
		{"308300000730003000030100", "!"},
		{"308030003000030100"
		 "0000",
		 "!"},
		{"300630003000"
		 "0300",
		 "?"},
		{"30093000300003010005"
		 "00",
		 "!"}, /* something follows the BIT STRING */
		{"300430003000", "!"},
		{"300530000301"
		 "00",
		 "!"},
		{"300731003000030100", "!"},
		{"300730003100030100", "!"},
		{"300730003000040100", "!"},
		{"310730003000030100", "!"},
		{"300730003000030200", "!"}, /* longer than what contains it */
		{"300830003000030100", "!"}, /* longer than the input */
		{"30093007"
		 "30003000030100",
		 "?!"}, /* found inside something that is no certificate */
	};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		uint8_t *p = unhex(all[i].hex, &nv_len);

		memcpy(nv, p, nv_len);
		free(p);
		if (strcmp(found(), all[i].want) != 0) {
			fail_msg("%s: %s", all[i].hex, found());
		}
		PUT_EC; /* ... and the search goes on behind it */
		assert_non_null(strchr(found(), 'e'));
	}
}

/* Each byte is changed to each value: the certificates before and after are still found. */
static void every_byte_changed(void **state)
{
	size_t whole = 0;

	(void)state;
	for (size_t at = 0; at < sizeof ec_certificate; at++) {
		nv_len = 0;
		PUT_RSA;
		PUT_EC;
		pad(0xff, 2);
		PUT_RSA;
		for (unsigned change = 1; change < 256; change++) {
			const char *text;

			nv[sizeof rsa_certificate + at] ^= (uint8_t)change;
			text = found();
			assert_true(strcmp(text, "rr!") == 0 || strcmp(text, "r?r") == 0);
			whole += strcmp(text, "r?r") == 0;
			nv[sizeof rsa_certificate + at] ^= (uint8_t)change;
		}
	}
	/* Of the three parts only the headers are looked at: 4, 3 (4), 2, 2 bytes. */
	assert_in_range(whole, 255 * (sizeof ec_certificate - 13),
			255 * (sizeof ec_certificate - 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_one_after_another),
		cmocka_unit_test(skips_padding),
		cmocka_unit_test(certificate_cut_short),
		cmocka_unit_test(certificate_without_its_start),
		cmocka_unit_test(skips_other_bytes),
		cmocka_unit_test(structure_of_a_certificate),
		cmocka_unit_test(every_byte_changed),
	};

	return cmocka_run_group_tests_name("cert_chain", tests, NULL, NULL);
}
