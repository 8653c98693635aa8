#include "wire/der.h"

/* A length in the short form, or in one or two bytes; SIZE_MAX for other forms. */
static size_t der_length(struct reader *r)
{
	uint8_t first = reader_u8(r);

	switch (first) {
	case 0x81:
		return reader_u8(r);
	case 0x82:
		return reader_u16(r);
	default:
		return first < 0x80 ? first : SIZE_MAX;
	}
}

struct reader der_take(struct reader *r, uint8_t tag)
{
	bool other = reader_u8(r) != tag;
	size_t n = der_length(r);
	const uint8_t *p = reader_bytes(r, other ? SIZE_MAX : n);

	if (p == NULL) {
		return (struct reader){.p = NULL, .n = 0, .failed = true};
	}
	return reader_over(p, n);
}
