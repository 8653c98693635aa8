/*
 * Text in a buffer of fixed size: replies, log lines, paths. And numbers read from text.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

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

/* An empty text in cap bytes at p. Only text_end writes a NUL. */
struct text text_in(char *p, size_t cap);

/* Each appends whole, or appends nothing and sets `cut`. */
void text_put(struct text *t, const char *s, size_t n);
void text_str(struct text *t, const char *s);
/* At least `digits` digits, with zeros in front; `digits` is at most 20. */
void text_dec(struct text *t, uint64_t v, unsigned digits);
/* "0x" and at least `digits` lower-case digits; `digits` is at most 8. */
void text_hex(struct text *t, uint32_t v, unsigned digits);

/* Makes room for n characters, which the caller MUST fill, and returns where; NULL,
 * and `cut`, if they do not fit. */
char *text_room(struct text *t, size_t n);

/* Appends as much of s as fits, for people: a control character becomes '?'. */
void text_printable(struct text *t, const char *s);

/* Makes it a C string: the NUL takes the last character's place if the buffer is full.
 * cap MUST NOT be 0. */
void text_end(struct text *t);

/* How many characters of s, a C string, stand before the first `end`, or before its own. */
size_t text_until(const char *s, char end);

/*
 * Reads all of `s` as a number in base 8 or 10. False, and *v is 0, if `s` is
 * NULL, empty, has other characters, or the number is over `max`.
 */
bool text_number(const char *s, unsigned base, uint64_t max, uint64_t *v);

#endif
