#include "base/text.h"

#include <string.h>

struct text text_in(char *p, size_t cap)
{
	return (struct text){.p = p, .cap = cap, .len = 0, .cut = false};
}

char *text_room(struct text *t, size_t n)
{
	char *p = t->p + t->len;

	if (n > t->cap - t->len) {
		t->cut = true;
		return NULL;
	}
	t->len += n;
	return p;
}

void text_put(struct text *t, const char *s, size_t n)
{
	char *p = text_room(t, n);

	if (p != NULL) {
		memcpy(p, s, n);
	}
}

void text_str(struct text *t, const char *s)
{
	text_put(t, s, strlen(s));
}

void text_dec(struct text *t, uint64_t v, unsigned digits)
{
	char s[20];
	size_t first = sizeof(s);

	do {
		s[--first] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0 || sizeof(s) - first < digits);
	text_put(t, s + first, sizeof(s) - first);
}

void text_hex(struct text *t, uint32_t v, unsigned digits)
{
	char s[2 + 8];
	size_t first = sizeof(s);

	while (first > 2 && (v != 0 || sizeof(s) - first < digits)) {
		s[--first] = "0123456789abcdef"[v & 15];
		v >>= 4;
	}
	s[--first] = 'x';
	s[--first] = '0';
	text_put(t, s + first, sizeof(s) - first);
}

void text_printable(struct text *t, const char *s)
{
	for (; *s != '\0' && t->len < t->cap; s++) {
		unsigned char c = (unsigned char)*s;

		t->p[t->len++] = c < 0x20 || c == 0x7f ? '?' : *s;
	}
	t->cut = t->cut || *s != '\0';
}

void text_end(struct text *t)
{
	if (t->len == t->cap) {
		t->len--;
	}
	t->p[t->len] = '\0';
}

size_t text_until(const char *s, char end)
{
	size_t n = 0;

	while (s[n] != '\0' && s[n] != end) {
		n++;
	}
	return n;
}

bool text_number(const char *s, unsigned base, uint64_t max, uint64_t *v)
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
