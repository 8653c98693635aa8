#include "line.h"

static void add(struct line *l, char c)
{
	if (l->n < l->cap) {
		l->p[l->n++] = c;
	}
}

void line_str(struct line *l, const char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		add(l, c < 0x20 || c == 0x7f ? '?' : *s);
	}
}

void line_num(struct line *l, uint64_t v, unsigned width)
{
	char digits[20];
	unsigned n = 0;

	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	for (; width > n; width--) {
		add(l, '0');
	}
	while (n > 0) {
		add(l, digits[--n]);
	}
}

void line_hex(struct line *l, uint32_t v)
{
	line_str(l, "0x");
	for (unsigned shift = 32; shift > 0; shift -= 4) {
		add(l, "0123456789abcdef"[v >> (shift - 4) & 15]);
	}
}

void line_end(struct line *l)
{
	if (l->n == l->cap) {
		l->n--;
	}
	l->p[l->n] = '\0';
}

bool line_parse(const char *s, unsigned base, uint64_t max, uint64_t *v)
{
	uint64_t sum = 0;

	*v = 0;
	if (s == NULL || *s == '\0') {
		return false;
	}
	for (; *s != '\0'; s++) {
		unsigned digit = (unsigned)(unsigned char)*s - '0';

		if (digit >= base || sum > (max - digit) / base) {
			return false;
		}
		sum = sum * base + digit;
	}
	*v = sum;
	return true;
}
