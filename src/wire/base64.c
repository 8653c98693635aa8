#include "wire/base64.h"

#include "base/wipe.h"
#include "bounds.h"
#include "err.h"

/* All ones if lo <= c <= hi, else 0; for values below 2^31. */
static uint32_t between(uint32_t c, uint32_t lo, uint32_t hi)
{
	/* In the range, both differences wrap around, which sets their highest bit. */
	uint32_t mask = 0U - (((lo - 1U - c) & (c - hi - 1U)) >> 31);

	/* Hides from the compiler that this is 0 or ~0: it could branch on it. */
	__asm__("" : "+r"(mask));
	return mask;
}

#define EACH 0x0101010101010101U /* times a byte: that byte, eight times */

/* For each of eight bytes below 64: 1 if it is at least `least`, else 0. */
static uint64_t at_least(uint64_t eight, unsigned least)
{
	return ((eight + (0x80 - least) * EACH) >> 7) & EACH;
}

/*
 * Turns 48 bits into eight characters, the first in the highest byte. Each is 'A' plus its
 * six bits, corrected where the alphabet goes on elsewhere in ASCII; no sum carries into
 * the next byte. All eight at once, because most of a reply is base64.
 */
static uint64_t encode_eight(uint64_t v)
{
	v = (v & 0xffffff) | ((v << 8) & 0xffffff00000000);
	v = (v & 0xfff00000fff) | ((v << 4) & 0xfff00000fff0000);
	v = (v & 0x3f003f003f003f) | ((v << 2) & 0x3f003f003f003f00);
	return v + 'A' * EACH + at_least(v, 26) * ('a' - 'Z' - 1) -
	       at_least(v, 52) * ('z' + 1 - '0') - at_least(v, 62) * ('9' + 1 - '+') +
	       at_least(v, 63) * ('/' - '+' - 1);
}

/* Both are big-endian. The compiler makes one load and one store of them, the store only
 * while put_eight is not inlined. */
static uint32_t get_four(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

__attribute__((noinline)) static void put_eight(uint64_t v, char *out)
{
	out[0] = (char)(v >> 56);
	out[1] = (char)(v >> 48);
	out[2] = (char)(v >> 40);
	out[3] = (char)(v >> 32);
	out[4] = (char)(v >> 24);
	out[5] = (char)(v >> 16);
	out[6] = (char)(v >> 8);
	out[7] = (char)v;
}

/* The six bits that a character stands for; *bad becomes non-zero if it is not in the
 * alphabet. */
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
	uint64_t v;

	for (; n >= 6; n -= 6) {
		v = (uint64_t)get_four(p) << 16 | (get_four(p + 2) & 0xffff);
		put_eight(encode_eight(v), out);
		p += 6;
		out += 8;
	}
	v = 0;
	for (size_t k = 0; k < 6; k++) {
		v = v << 8 | (k < n ? p[k] : 0U);
	}
	v = encode_eight(v);
	for (size_t k = 0; k < BASE64_LEN(n); k++) {
		out[k] = '=';
		/* n bytes take n characters, and one more for each three of them begun. */
		if (k < n + (n + 2) / 3) {
			out[k] = (char)(v >> (56 - 8 * k));
		}
	}
}

/* Space, tab, CR or LF? All ones, or 0. */
static uint32_t white(uint8_t c)
{
	return between(c, '\t', '\n') | between(c, '\r', '\r') | between(c, ' ', ' ');
}

/*
 * How many characters are white space. The first loop finds out whether there is any
 * without a branch on a character. The second, for text that has some, shows where
 * it is, which is no secret.
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
 * Takes correct padding off the end of *n characters, *digits of which are not white
 * space. Branching is allowed here: where the padding begins follows from the length.
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
	/* The last 2 characters leave four bits unused, the last 3 two; a last 1 is wrong. */
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

void base64_put(struct text *t, const uint8_t *p, size_t n)
{
	/* If n is above cap, BASE64_LEN(n) could wrap around. */
	char *out = text_room(t, n > t->cap ? n : BASE64_LEN(n));

	if (out != NULL) {
		base64_encode(p, n, out);
	}
}
