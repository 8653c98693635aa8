#include "wire/text.h"

#include <string.h>

#include "bounds.h"
#include "wire/base64.h"

struct text text_in(char *p, size_t cap)
{
	return (struct text){.p = p, .cap = cap, .len = 0, .cut = false};
}

/* n more characters of the text; NULL, and cut, if they do not fit. */
static char *room(struct text *t, size_t n)
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
	char *p = room(t, n);

	if (p != NULL) {
		memcpy(p, s, n);
	}
}

void text_str(struct text *t, const char *s)
{
	text_put(t, s, strlen(s));
}

void text_dec(struct text *t, uint64_t v)
{
	char digits[20];
	size_t first = sizeof(digits);

	do {
		digits[--first] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	text_put(t, digits + first, sizeof(digits) - first);
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

void text_json(struct text *t, const char *s, size_t n)
{
	text_str(t, "\"");
	for (size_t i = 0; i < n; i++) {
		const char *p = s + i;

		if ((uint8_t)*p < 0x20) {
			text_str(t, *p < 0x10 ? "\\u000" : "\\u001");
			p = &"0123456789abcdef"[*p & 15];
		} else if (*p == '"' || *p == '\\') {
			text_str(t, "\\");
		}
		text_put(t, p, 1);
	}
	text_str(t, "\"");
}

void text_base64(struct text *t, const uint8_t *p, size_t n)
{
	/* Of an n above cap the length could wrap around. */
	char *out = room(t, n > t->cap ? n : BASE64_LEN(n));

	if (out != NULL) {
		base64_encode(p, n, out);
	}
}

size_t text_until(const char *s, char end)
{
	size_t n = 0;

	while (s[n] != '\0' && s[n] != end) {
		n++;
	}
	return n;
}
