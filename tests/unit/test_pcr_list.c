/* src/wire/pcr_list.c: every valid list of PCRs is read, and other text is refused. */
#include "unit.h"

#include "err.h"
#include "wire/pcr_list.h"

static int parse(const char *s, size_t n, uint32_t *mask)
{
	uint8_t *copy = exact(s, n);
	int e;

	*mask = 0xdead;
	e = pcr_list_parse((const char *)copy, n, mask);
	free(copy);
	return e;
}

static void accepts_numbers_and_ranges(void **state)
{
	static const struct {
		const char *text;
		uint32_t mask;
	} all[] = {
		{"0", 0x1},
		{"23", 0x800000},
		{"0-7,14", 0x40ff},
		{"14,0-7", 0x40ff},
		{"0-23", 0xffffff},
		{"7-7", 0x80},
		{"23,0", 0x800001},
		{"9-10,11", 0xe00},
		{"3,2,1,0", 0xf},
		{"0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23", 0xffffff},
	};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		uint32_t mask;

		assert_int_equal(parse(all[i].text, strlen(all[i].text), &mask), 0);
		assert_int_equal(mask, all[i].mask);
	}
}

static void refuses_other_texts(void **state)
{
	static const char *const all[] = {
		"",
		",",
		"-",
		"0,",
		",0",
		"0,,1",
		"0-",
		"-7",
		"7-0",
		"24",
		"0-24",
		"30",
		"99",
		"100",
		"230",
		"4294967296",
		"07",
		"00",
		"0-07",
		"+1",
		"-0",
		"0x1",
		" 0",
		"0 ",
		"0 1",
		"0, 1",
		"0 -7",
		"0,0",
		"0-7,7",
		"7,0-7",
		"0-3,2-5",
		"0-7-9",
		"a",
		"sha256:0",
		"all",
		"0;1",
		"0\n",
		"1.0",
		"\xef\xbb\xbf"
		"0",
		"0--1",
	};
	static const char with_nul[] = "0\0,1";
	uint32_t mask;

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		int e = parse(all[i], strlen(all[i]), &mask);

		if (e != -ERR_VALUE || mask != 0) {
			fail_msg("\"%s\" is taken: %d, %x", all[i], e, mask);
		}
	}
	assert_int_equal(parse(with_nul, sizeof with_nul - 1, &mask), -ERR_VALUE);
	assert_int_equal(pcr_list_parse(NULL, 0, &mask), -ERR_VALUE);
	assert_int_equal(mask, 0);
}

/* All numbers and ranges, as they are written. */
static struct {
	char text[8];
	uint32_t mask;
} pieces[24 + 24 * 25 / 2];
static size_t piece_count;

static void write_pieces(void)
{
	for (unsigned first = 0; first < 24; first++) {
		pieces[piece_count].mask = 1U << first;
		sprintf(pieces[piece_count++].text, "%u", first);
		for (unsigned last = first; last < 24; last++) {
			for (unsigned i = first; i <= last; i++) {
				pieces[piece_count].mask |= 1U << i;
			}
			sprintf(pieces[piece_count++].text, "%u-%u", first, last);
		}
	}
}

static uint32_t piece_mask(const char *s, size_t n)
{
	for (size_t i = 0; i < piece_count; i++) {
		if (strlen(pieces[i].text) == n && memcmp(pieces[i].text, s, n) == 0) {
			return pieces[i].mask;
		}
	}
	return 0;
}

/* The PCRs of the text, found by comparing it with all numbers and ranges; 0: it is none. */
static uint32_t expected(const char *s, size_t n)
{
	uint32_t all = 0;

	for (;;) {
		const char *comma = memchr(s, ',', n);
		size_t len = comma == NULL ? n : (size_t)(comma - s);
		uint32_t mask = piece_mask(s, len);

		if (mask == 0 || (all & mask) != 0) {
			return 0;
		}
		all |= mask;
		if (comma == NULL) {
			return all;
		}
		s = comma + 1;
		n -= len + 1;
	}
}

/* All texts of up to six of these characters. */
static void agrees_with_comparison(void **state)
{
	static const char alphabet[] = "0123,- 9";
	unsigned taken = 0;

	(void)state;
	for (unsigned n = 0; n <= 6; n++) {
		for (unsigned i = 0; i < 1U << (3 * n); i++) {
			char text[6];
			uint32_t mask, want;
			int e;

			for (unsigned c = 0; c < n; c++) {
				text[c] = alphabet[i >> (3 * c) & 7];
			}
			want = expected(text, n);
			e = parse(text, n, &mask);
			if (e != (want == 0 ? -ERR_VALUE : 0) || mask != want) {
				fail_msg("\"%.*s\": %d, %x, not %x", (int)n, text, e, mask, want);
			}
			taken += want != 0;
		}
	}
	assert_in_range(taken, 1000, 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_numbers_and_ranges),
		cmocka_unit_test(refuses_other_texts),
		cmocka_unit_test(agrees_with_comparison),
	};

	write_pieces();
	return cmocka_run_group_tests_name("pcr_list", tests, NULL, NULL);
}
