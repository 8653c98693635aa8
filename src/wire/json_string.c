#include "wire/json_string.h"

#include <string.h>

/* Four hexadecimal digits. */
static uint32_t hex4(const char *p)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		int c = (unsigned char)p[i];

		v = v << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return v;
}

static bool is_high(uint32_t c)
{
	return c >= 0xd800 && c <= 0xdbff;
}

static bool is_low(uint32_t c)
{
	return c >= 0xdc00 && c <= 0xdfff;
}

bool json_string_ok(struct json_slice s)
{
	for (size_t i = 0; i < s.n;) {
		const char *p = s.p + i;
		uint32_t c;

		if ((uint8_t)*p < 0x20) {
			return false;
		}
		if (p[0] != '\\' || p[1] != 'u') {
			i += p[0] == '\\' ? 2 : 1;
			continue;
		}
		c = hex4(p + 2);
		i += UNICODE_ESCAPE;
		if (is_high(c)) {
			p = s.p + i;
			if (s.n - i < UNICODE_ESCAPE || p[0] != '\\' || p[1] != 'u' ||
			    !is_low(hex4(p + 2))) {
				return false;
			}
			i += UNICODE_ESCAPE;
		} else if (is_low(c)) {
			return false;
		}
	}
	return true;
}

/* Reads a string byte by byte, with its escapes undone. */
struct cursor {
	const char *p;
	const char *end;
	uint32_t pending; /* UTF-8 bytes still to be returned, the next one lowest */
};

static struct cursor cursor_over(struct json_slice s)
{
	return (struct cursor){.p = s.p, .end = s.p + s.n, .pending = 0};
}

/* The character in UTF-8, with its first byte in the lowest place. */
static uint32_t utf8(uint32_t c)
{
	uint32_t bytes = 0;
	uint32_t lead = 0x80;
	uint32_t room = 0x40;

	if (c < 0x80) {
		return c;
	}
	while (c >= room) {
		bytes = (bytes | 0x80 | (c & 0x3f)) << 8;
		c >>= 6;
		lead = lead >> 1 | 0x80;
		room >>= 1;
	}
	return bytes | lead | c;
}

static uint32_t undo_escape(struct cursor *c)
{
	static const char codes[] = "b\bf\fn\nr\rt\t";
	const char *code;
	uint32_t v;
	char letter = *c->p++;

	if (letter != 'u') {
		code = strchr(codes, letter);
		return (uint8_t)(code != NULL ? code[1] : letter);
	}
	v = hex4(c->p);
	c->p += 4;
	if (is_high(v)) {
		v = 0x10000 + ((v - 0xd800) << 10) + (hex4(c->p + 2) - 0xdc00);
		c->p += UNICODE_ESCAPE;
	}
	return utf8(v);
}

/* The next byte, or -1 at the end. */
static int next(struct cursor *c)
{
	int byte;

	if (c->pending == 0) {
		if (c->p == c->end) {
			return -1;
		}
		c->pending = (uint8_t)*c->p++;
		if (c->pending == '\\') {
			c->pending = undo_escape(c);
		}
	}
	/* 0 can mean that nothing is pending, because json_parse rejects NUL. */
	byte = (uint8_t)c->pending;
	c->pending >>= 8;
	return byte;
}

bool json_string_same(struct json_slice a, struct json_slice b)
{
	struct cursor x = cursor_over(a);
	struct cursor y = cursor_over(b);
	int byte;

	do {
		byte = next(&x);
		if (byte != next(&y)) {
			return false;
		}
	} while (byte >= 0);
	return true;
}

bool json_equal(struct json_slice s, const char *text)
{
	return json_string_same(s, (struct json_slice){.p = text, .n = strlen(text)});
}

size_t json_unescape(struct json_slice s, char *buf)
{
	struct cursor c = cursor_over(s);
	size_t n = 0;
	int byte;

	while ((byte = next(&c)) >= 0) {
		buf[n++] = (char)byte;
	}
	return n;
}

void json_string_put(struct text *t, const char *s, size_t n)
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
