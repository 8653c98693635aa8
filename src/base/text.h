/*
 * Builds text in a buffer of fixed size (replies, log lines, paths), and reads numbers
 * from text.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is written so far. What does not fit is left out, and `cut` is set. */
struct text {
	char *p;
	size_t cap;
	size_t len;
	bool cut;
};

/* An empty text in the cap bytes at p. No function but text_end writes a NUL. */
struct text text_in(char *p, size_t cap);

/* Each of these appends everything, or appends nothing and sets `cut`. */
void text_put(struct text *t, const char *s, size_t n);
void text_str(struct text *t, const char *s);
/* In decimal, filled with zeros to at least `digits` digits (at most 20). */
void text_dec(struct text *t, uint64_t v, unsigned digits);
/* "0x" and lower-case digits, filled with zeros to at least `digits` (at most 8). */
void text_hex(struct text *t, uint32_t v, unsigned digits);

/* Appends n characters that the caller MUST fill in, and returns where they are. If they
 * do not fit it sets `cut` and returns NULL. */
char *text_room(struct text *t, size_t n);

/* Appends as much of s as fits, with a '?' for each control character. */
void text_printable(struct text *t, const char *s);

/* Makes it a C string. If the buffer is full, the NUL replaces the last character. cap MUST
 * NOT be 0. */
void text_end(struct text *t);

/* How many characters of the C string s are before the first `end`, or in all of it. */
size_t text_until(const char *s, char end);

/*
 * Reads all of `s` as a number in base 8 or 10. Returns false, and *v is 0, if `s` is NULL,
 * is empty, has a character that is no digit, or is a number above `max`.
 */
bool text_number(const char *s, unsigned base, uint64_t max, uint64_t *v);

#endif
