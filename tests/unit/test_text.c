#include "unit.h"

#include "base/text.h"

#define CAP 64

/* The text is `expected`, and nothing was written behind it. */
static void is(const struct text *t, const char *buf, const char *expected)
{
	assert_int_equal(t->len, strlen(expected));
	assert_memory_equal(buf, expected, t->len);
	for (size_t i = t->len; i < CAP; i++) {
		assert_int_equal(buf[i], '#');
	}
	assert_false(t->cut);
}

static struct text fresh(char *buf)
{
	memset(buf, '#', CAP);
	return text_in(buf, CAP);
}

static void puts_strings(void **state)
{
	char buf[CAP];
	struct text t = fresh(buf);

	(void)state;
	is(&t, buf, "");
	text_str(&t, "");
	text_put(&t, "abcdef", 3);
	text_str(&t, "xyz");
	is(&t, buf, "abcxyz");
}

static void decimal(void **state)
{
	static const uint64_t values[] = {0, 9, 10, 99, 100, 16384, 4294967296, UINT64_MAX};
	static const char *const texts[] = {"0",   "9",     "10",         "99",
					    "100", "16384", "4294967296", "18446744073709551615"};
	char buf[CAP];

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct text t = fresh(buf);

		text_dec(&t, values[i], 1);
		is(&t, buf, texts[i]);
		t = fresh(buf);
		text_dec(&t, values[i], 0);
		is(&t, buf, texts[i]);
	}
}

static void decimal_with_zeros_in_front(void **state)
{
	char buf[CAP];
	struct text t = fresh(buf);

	(void)state;
	text_dec(&t, 7, 2);
	text_dec(&t, 123, 2);
	text_dec(&t, 0, 20);
	is(&t, buf, "0712300000000000000000000");
}

static void hexadecimal(void **state)
{
	static const struct {
		uint32_t v;
		unsigned digits;
		const char *text;
	} cases[] = {
		{0, 0, "0x"},
		{0, 1, "0x0"},
		{0, 8, "0x00000000"},
		{0x1df, 3, "0x1df"},
		{0x1df, 1, "0x1df"},
		{0x1df, 8, "0x000001df"},
		{0x101, 4, "0x0101"},
		{0xffffffff, 3, "0xffffffff"},
		{0x1c00002, 8, "0x01c00002"},
		{0x89abcdef, 8, "0x89abcdef"},
		{0x01234567, 7, "0x1234567"},
	};
	char buf[CAP];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct text t = fresh(buf);

		text_hex(&t, cases[i].v, cases[i].digits);
		is(&t, buf, cases[i].text);
	}
}

static void put_piece(struct text *t, int which)
{
	switch (which) {
	case 0:
		text_put(t, "12345678", 8);
		break;
	case 1:
		text_str(t, "12345678");
		break;
	case 2:
		text_dec(t, 12345678, 1);
		break;
	default:
		text_hex(t, 0x123456, 6);
	}
}

/* Each function writes eight characters; with less room than that it writes none. */
static void puts_whole_or_nothing(void **state)
{
	(void)state;
	for (int which = 0; which < 4; which++) {
		for (size_t cap = 0; cap <= 8; cap++) {
			char *buf = (char *)exact("########", cap);
			struct text t = text_in(buf, cap);

			put_piece(&t, which);
			assert_int_equal(t.cut, cap < 8);
			assert_int_equal(t.len, cap < 8 ? 0 : 8);
			if (cap < 8) {
				assert_memory_equal(buf, "########", cap);
				text_put(&t, "x", cap > 0);
				assert_int_equal(t.len, cap > 0);
				assert_true(t.cut);
			}
			free(buf);
		}
	}
}

/* The same behind text that is already there. */
static void puts_whole_or_nothing_behind_text(void **state)
{
	(void)state;
	for (int which = 0; which < 4; which++) {
		for (size_t cap = 5; cap <= 13; cap++) {
			char *buf = (char *)exact("#############", cap);
			struct text t = text_in(buf, cap);

			text_str(&t, "abcde");
			assert_int_equal(t.len, 5);
			put_piece(&t, which);
			assert_int_equal(t.cut, cap < 13);
			assert_int_equal(t.len, cap < 13 ? 5 : 13);
			assert_memory_equal(buf, "abcde", 5);
			free(buf);
		}
	}
}

/* The sum of the lengths would wrap around. */
static void refuses_huge_lengths(void **state)
{
	static const size_t huge[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 2, SIZE_MAX / 2};
	char buf[CAP];

	(void)state;
	for (size_t i = 0; i < sizeof(huge) / sizeof(huge[0]); i++) {
		struct text t = fresh(buf);
		const char *volatile p = "abc";
		volatile size_t n = huge[i];

		text_str(&t, "ab");
		text_put(&t, p, n);
		assert_true(t.cut);
		t.cut = false;
		is(&t, buf, "ab");
	}
}

/* As much as fits, without control characters, which a terminal would obey. */
static void puts_only_printable_characters(void **state)
{
	char buf[12];
	struct text t = text_in(buf, sizeof buf);

	(void)state;
	text_printable(&t, "\x01\x1f 0123456");
	assert_false(t.cut);
	text_end(&t);
	assert_string_equal(buf, "?? 0123456");
	text_printable(&t, "\x7f and more");
	assert_true(t.cut);
	assert_int_equal(t.len, sizeof buf);
	assert_memory_equal(buf, "?? 0123456? ", sizeof buf);
	text_end(&t);
	assert_string_equal(buf, "?? 0123456?");
	assert_int_equal(t.len, sizeof buf - 1);
}

static void reads_numbers(void **state)
{
	static const struct {
		const char *s;
		unsigned base;
		uint64_t max, v;
		bool ok;
	} cases[] = {
		{NULL, 10, 9, 0, false},
		{"", 10, 9, 0, false},
		{"0", 10, 0, 0, true},
		{"9", 10, 9, 9, true},
		{"10", 10, 9, 0, false},
		{"007", 10, 7, 7, true},
		{"0660", 8, 0777, 0660, true},
		{"8", 8, 0777, 0, false},
		{"1000", 8, 0777, 0, false},
		{"-1", 10, 9, 0, false},
		{"+1", 10, 9, 0, false},
		{" 1", 10, 9, 0, false},
		{"1x", 10, 99, 0, false},
		{"18446744073709551615", 10, UINT64_MAX, UINT64_MAX, true},
		{"18446744073709551616", 10, UINT64_MAX, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint64_t v = 42;

		assert_int_equal(text_number(cases[i].s, cases[i].base, cases[i].max, &v),
				 cases[i].ok);
		assert_int_equal(v, cases[i].v);
	}
}

static void length_until_a_character(void **state)
{
	(void)state;
	assert_int_equal(text_until("name=value=", '='), 4);
	assert_int_equal(text_until("=value", '='), 0);
	assert_int_equal(text_until("name", '='), 4);
	assert_int_equal(text_until("", '='), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(puts_strings),
		cmocka_unit_test(decimal),
		cmocka_unit_test(decimal_with_zeros_in_front),
		cmocka_unit_test(hexadecimal),
		cmocka_unit_test(puts_whole_or_nothing),
		cmocka_unit_test(puts_whole_or_nothing_behind_text),
		cmocka_unit_test(refuses_huge_lengths),
		cmocka_unit_test(length_until_a_character),
		cmocka_unit_test(puts_only_printable_characters),
		cmocka_unit_test(reads_numbers),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
