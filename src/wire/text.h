/*
 * Writing text into a buffer of fixed size: replies and log lines.
 */
#ifndef WIRE_TEXT_H
#define WIRE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is written so far. What does not fit is left out and sets `cut`. */
struct text {
	char *p;
	size_t cap;
	size_t len;
	bool cut;
};

/* An empty text in cap bytes at p. No terminator is ever written. */
struct text text_in(char *p, size_t cap);

/* Each appends whole, or appends nothing and sets `cut`. */
void text_put(struct text *t, const char *s, size_t n);
void text_str(struct text *t, const char *s);
void text_dec(struct text *t, uint64_t v);
/* "0x" and at least `digits` lower-case digits; `digits` is at most 8. */
void text_hex(struct text *t, uint32_t v, unsigned digits);
/* n bytes of UTF-8 as a JSON string, with its quotes; of this one a part may be left out. */
void text_json(struct text *t, const char *s, size_t n);
/* Standard base64 with padding; the time depends on n only. */
void text_base64(struct text *t, const uint8_t *p, size_t n);

/* How many characters of s, a C string, stand before the first `end`, or before its own. */
size_t text_until(const char *s, char end);

#endif
