#include "wire/pcr_list.h"

#include <stdbool.h>

#include "bounds.h"
#include "err.h"
#include "wire/reader.h"

/* The next character as a digit; 10 if it is not one. */
static unsigned digit(const struct reader *r)
{
	return r->n > 0 && *r->p >= '0' && *r->p <= '9' ? (unsigned)(*r->p - '0') : 10;
}

/* Takes a number of one or two digits; PCR_COUNT if there is none. */
static unsigned take_number(struct reader *r)
{
	unsigned value = digit(r);

	if (value >= 10) {
		return PCR_COUNT;
	}
	reader_u8(r);
	/* Of "07" only the 0 is taken. The 7 is refused then, because it is no comma. */
	if (value > 0 && digit(r) < 10) {
		value = value * 10 + digit(r);
		reader_u8(r);
	}
	return value;
}

static bool take(struct reader *r, uint8_t c)
{
	bool is_next = r->n > 0 && *r->p == c;

	if (is_next) {
		reader_u8(r);
	}
	return is_next;
}

int pcr_list_parse(const char *s, size_t n, uint32_t *mask)
{
	struct reader r = reader_over((const uint8_t *)s, n);
	uint32_t all = 0, range;

	*mask = 0;
	do {
		unsigned first = take_number(&r);
		unsigned last = take(&r, '-') ? take_number(&r) : first;

		if (last >= PCR_COUNT || first > last) {
			return -ERR_VALUE;
		}
		range = (UINT32_C(2) << last) - (UINT32_C(1) << first);
		if ((all & range) != 0) {
			return -ERR_VALUE;
		}
		all |= range;
	} while (take(&r, ','));
	if (!reader_done(&r)) {
		return -ERR_VALUE;
	}
	*mask = all;
	return 0;
}
