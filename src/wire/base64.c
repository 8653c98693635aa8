#include "wire/base64.h"

#include "err.h"
#include "wire/wipe.h"

/* All ones if lo <= c <= hi, else 0; for values below 2^31. */
static uint32_t between(uint32_t c, uint32_t lo, uint32_t hi)
{
	/* In the range, both differences have gone below zero. */
	uint32_t mask = 0U - (((lo - 1U - c) & (c - hi - 1U)) >> 31);

	/* The compiler, if it knew that this is a yes or no, might branch. */
	__asm__("" : "+r"(mask));
	return mask;
}

/* Whose byte is at least `least`: 1 in each such byte of four, all of them below 64. */
static uint32_t at_least(uint32_t four, uint32_t least)
{
	return ((four + (0x80U - least) * 0x01010101U) >> 7) & 0x01010101U;
}

/*
 * The characters of four times six bits, the first in the lowest byte: 'A', and
 * at each step of the alphabet a jump. All four at once, as a reply of 2 kB is
 * mostly this; no byte's sum reaches into the next.
 */
static uint32_t encode_four(uint32_t v)
{
	uint32_t four =
		((v >> 18) & 63) | ((v >> 4) & 0x3f00) | ((v << 10) & 0x3f0000) | (v & 63) << 24;

	return four + 'A' * 0x01010101U + at_least(four, 26) * ('a' - 'Z' - 1) -
	       at_least(four, 52) * ('z' + 1 - '0') - at_least(four, 62) * ('9' + 1 - '+') +
	       at_least(four, 63) * ('/' - '+' - 1);
}

static void put_four(uint32_t four, char *out)
{
	out[0] = (char)(four & 0xff);
	out[1] = (char)((four >> 8) & 0xff);
	out[2] = (char)((four >> 16) & 0xff);
	out[3] = (char)(four >> 24);
}

/* The six bits of a character; *bad becomes non-zero if there are none. */
static uint32_t decode_six(uint8_t c, uint32_t *bad)
{
	uint32_t upper = between(c, 'A', 'Z');
	uint32_t lower = between(c, 'a', 'z');
	uint32_t digit = between(c, '0', '9');
	uint32_t plus = between(c, '+', '+') | between(c, '-', '-');
	uint32_t slash = between(c, '/', '/') | between(c, '_', '_');

	*bad |= ~(upper | lower | digit | plus | slash);
	return (upper & (c - (uint32_t)'A')) | (lower & (c - (uint32_t)'a' + 26)) |
	       (digit & (c - (uint32_t)'0' + 52)) | (plus & 62) | (slash & 63);
}

void base64_encode(const uint8_t *p, size_t n, char *out)
{
	for (; n >= 3; n -= 3) {
		put_four(encode_four((uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2]), out);
		p += 3;
		out += 4;
	}
	if (n > 0) {
		put_four(encode_four((uint32_t)p[0] << 16 | (n == 2 ? (uint32_t)p[1] << 8 : 0U)),
			 out);
		out[3] = '=';
		out[2] = n == 2 ? out[2] : '=';
	}
}

/* Space, tab, CR or LF? All ones, or 0. */
static uint32_t white(uint8_t c)
{
	return between(c, '\t', '\n') | between(c, '\r', '\r') | between(c, ' ', ' ');
}

/*
 * How many characters are white space. Text without any is asked for that as a
 * whole, so that nothing depends on a character of it; in other text it shows
 * where the white space is, which is no secret.
 */
static size_t count_white(const char *s, size_t n)
{
	uint32_t any = 0;
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		any |= white((uint8_t)s[i]);
	}
	for (size_t i = 0; any != 0 && i < n; i++) {
		if (white((uint8_t)s[i]) != 0) {
			count++;
		}
	}
	return count;
}

/*
 * Takes correct padding off the end of n characters, of which so many are no
 * white space. Where it begins is no secret: the length says it.
 */
static void drop_padding(const char *s, size_t *n, size_t *digits)
{
	for (size_t pad = 0; pad < 2; pad++) {
		while (*n > *digits && white((uint8_t)s[*n - 1]) != 0) {
			(*n)--;
		}
		if (*digits == 0 || (*digits + pad) % 4 != 0 || s[*n - 1] != '=') {
			return;
		}
		(*n)--;
		(*digits)--;
	}
}

size_t base64_size(const char *s, size_t n)
{
	size_t digits = n - count_white(s, n);

	drop_padding(s, &n, &digits);
	return digits / 4 * 3 + digits % 4 * 3 / 4;
}

int base64_decode(const char *s, size_t n, uint8_t *out, size_t *len)
{
	size_t spaces = count_white(s, n);
	size_t digits = n - spaces;
	size_t at = 0;
	size_t written = 0;
	uint32_t acc = 0;
	uint32_t bad = 0;

	drop_padding(s, &n, &digits);
	for (size_t i = 0; i < n; i++) {
		if (spaces != 0 && white((uint8_t)s[i]) != 0) {
			continue;
		}
		acc = acc << 6 | decode_six((uint8_t)s[i], &bad);
		if (at % 4 != 0) {
			out[written++] = (uint8_t)(acc >> (6 - 2 * (at % 4)));
		}
		at++;
	}
	/* 2 characters leave four bits unused, 3 leave two, 1 makes no byte. */
	if (digits % 4 != 0) {
		bad |= digits % 4 == 1 ? 1U : acc & (digits % 4 == 2 ? 15U : 3U);
	}
	if (bad != 0) {
		wipe(out, written);
		*len = 0;
		return -ERR_BASE64;
	}
	*len = written;
	return 0;
}
