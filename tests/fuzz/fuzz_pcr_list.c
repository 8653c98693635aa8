/* src/wire/pcr_list.c, compared with a table of all numbers and ranges as they are written. */
#include "fuzz.h"

#include "wire/pcr_list.h"

#define PCRS 24

static int parse(const char *s, size_t n, uint32_t *mask)
{
	char *copy = exact(s, n);
	int e;

	*mask = 99;
	e = pcr_list_parse(copy, n, mask);
	free(copy);
	return e;
}

/* The PCRs of the text between two commas, or 0 if it is neither a number nor a range. */
static uint32_t piece(const char *s, size_t n)
{
	char text[8];
	uint32_t mask;

	for (unsigned first = 0; first < PCRS; first++) {
		snprintf(text, sizeof text, "%u", first);
		if (same_bytes(text, strlen(text), s, n)) {
			return UINT32_C(1) << first;
		}
		mask = 0;
		for (unsigned last = first; last < PCRS; last++) {
			mask |= UINT32_C(1) << last;
			snprintf(text, sizeof text, "%u-%u", first, last);
			if (same_bytes(text, strlen(text), s, n)) {
				return mask;
			}
		}
	}
	return 0;
}

static uint32_t expected(const char *s, size_t n)
{
	uint32_t all = 0;

	for (size_t start = 0, at = 0;; at++) {
		if (at == n || s[at] == ',') {
			uint32_t mask = piece(s + start, at - start);

			if (mask == 0 || (all & mask) != 0) {
				return 0;
			}
			all |= mask;
			start = at + 1;
		}
		if (at == n) {
			return all;
		}
	}
}

/* Ranges in an order and of lengths that the input chooses are read as the PCRs that they name. */
static void write_any(struct input in)
{
	char text[PCRS * 8];
	uint32_t all = 0, mask;
	size_t n = 0;

	while (in.n > 0) {
		unsigned first = input_u8(&in) % PCRS, last = first;
		unsigned want = first + input_u8(&in) % 8;

		if ((all >> first & 1) != 0) {
			continue;
		}
		all |= UINT32_C(1) << first;
		while (last < want && last + 1 < PCRS && (all >> (last + 1) & 1) == 0) {
			last++;
			all |= UINT32_C(1) << last;
		}
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%u", n == 0 ? "" : ",", first);
		if (last > first || want % 2 == 1) {
			n += (size_t)snprintf(text + n, sizeof text - n, "-%u", last);
		}
	}
	MUST(n < sizeof text);
	MUST(parse(text, n, &mask) == (n == 0 ? -ERR_VALUE : 0) && mask == all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t want = expected((const char *)data, size), mask;

	MUST(parse((const char *)data, size, &mask) == (want == 0 ? -ERR_VALUE : 0));
	MUST(mask == want);
	write_any((struct input){.p = data, .n = size});
	return 0;
}
