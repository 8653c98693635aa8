#include "wire/reader.h"

struct reader reader_over(const uint8_t *p, size_t n)
{
	return (struct reader){.p = p, .n = n, .failed = false};
}

const uint8_t *reader_bytes(struct reader *r, size_t n)
{
	const uint8_t *p = r->p;

	if (r->failed || n > r->n) {
		r->n = 0;
		r->failed = true;
		return NULL;
	}
	r->p += n;
	r->n -= n;
	return p;
}

static uint32_t integer(struct reader *r, size_t width)
{
	const uint8_t *p = reader_bytes(r, width);
	uint32_t v = 0;

	if (p != NULL) {
		for (size_t i = 0; i < width; i++) {
			v = v << 8 | p[i];
		}
	}
	return v;
}

uint8_t reader_u8(struct reader *r)
{
	return (uint8_t)integer(r, 1);
}

uint16_t reader_u16(struct reader *r)
{
	return (uint16_t)integer(r, 2);
}

uint32_t reader_u32(struct reader *r)
{
	return integer(r, 4);
}

const uint8_t *reader_tpm2b(struct reader *r, size_t *n)
{
	const uint8_t *p;

	*n = reader_u16(r);
	p = reader_bytes(r, *n);
	if (p == NULL) {
		*n = 0;
	}
	return p;
}

bool reader_done(const struct reader *r)
{
	return !r->failed && r->n == 0;
}
