#include "unit.h"

#include "common/store_element.h"
#include "err.h"

/* A buffer that bytes are appended to. */
static uint8_t element[256];
static size_t size;

static void put32(uint32_t v)
{
	for (unsigned i = 0; i < 4; i++) {
		element[size++] = (uint8_t)(v >> 8 * i);
	}
}

static void put(uint32_t id, uint32_t encoding, uint32_t n, const char *value)
{
	put32(id);
	put32(encoding);
	put32(n);
	memcpy(element + size, value, strlen(value));
	size += strlen(value);
}

static void with_certificate(void)
{
	size = 0;
	put(3, 1, 20, "SHA-1 of 20 bytes...");
	put(11, 1, 0, "");
	put(32, 1, 5, "0\003DER");
	put(15, 1, 3, "md5");
}

/* What is found in the first n bytes, as text, or NULL if they are refused. */
static const char *found(size_t n)
{
	static char text[64];
	uint8_t *copy = exact(element, n);
	const uint8_t *der;
	size_t len;
	int r;

	r = store_element_der(copy, n, &der, &len);
	if (r < 0) {
		assert_int_equal(r, -ERR_CERT_FORMAT);
		assert_null(der);
		assert_int_equal(len, 0);
	} else {
		assert_true(len < sizeof text);
		memcpy(text, der, len);
		text[len] = '\0';
	}
	free(copy);
	return r < 0 ? NULL : text;
}

static void finds_the_certificate(void **state)
{
	(void)state;
	with_certificate();
	assert_string_equal(found(size), "0\003DER");
	size = 0;
	put(32, 1, 3, "one");
	assert_string_equal(found(size), "one");
}

static void accepts_an_end_mark(void **state)
{
	(void)state;
	with_certificate();
	put(0, 0, 0, "");
	assert_string_equal(found(size), "0\003DER");
	put32(0);
	assert_null(found(size));
	with_certificate();
	put(0, 0, 1, "");
	assert_null(found(size));
	with_certificate();
	put(0, 0, 1, "x");
	assert_null(found(size));
	with_certificate();
	put(0, 1, 0, "");
	assert_null(found(size));
}

/* An element that is cut anywhere is refused, unless the cut is between two properties behind
 * the certificate. */
static void refuses_what_is_cut_short(void **state)
{
	size_t end;

	(void)state;
	with_certificate();
	end = size - 15;
	for (size_t n = 0; n < size; n++) {
		assert_true((found(n) != NULL) == (n == end));
	}
}

static void refuses_sizes_beyond_the_end(void **state)
{
	static const uint32_t sizes[] = {6, 0x7fffffff, 0x80000000, 0xfffffff4, 0xffffffff};

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		size = 0;
		put(32, 1, sizes[i], "0\003DER");
		assert_null(found(size));
		size = 0;
		put(32, 1, 5, "0\003DER");
		put(3, 1, sizes[i], "");
		assert_null(found(size));
	}
}

static void refuses_others(void **state)
{
	(void)state;
	size = 0;
	assert_null(found(size));
	put(3, 1, 4, "hash"); /* there is no certificate */
	assert_null(found(size));
	size = 0;
	put(33, 1, 3, "CRL");
	assert_null(found(size));
	size = 0;
	put(32, 1, 0, ""); /* the certificate is empty */
	assert_null(found(size));
	put(32, 1, 3, "two");
	assert_null(found(size));
	size = 0;
	put(32, 1, 3, "one");
	put(32, 1, 3, "two");
	assert_null(found(size));
	size = 0;
	put(32, 0, 3, "one"); /* an unknown encoding */
	assert_null(found(size));
	size = 0;
	put(32, 1, 3, "one");
	put(3, 2, 0, "");
	assert_null(found(size));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_certificate),
		cmocka_unit_test(accepts_an_end_mark),
		cmocka_unit_test(refuses_what_is_cut_short),
		cmocka_unit_test(refuses_sizes_beyond_the_end),
		cmocka_unit_test(refuses_others),
	};

	return cmocka_run_group_tests_name("store_element", tests, NULL, NULL);
}
