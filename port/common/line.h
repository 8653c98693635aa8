/*
 * For all ports: short text put together in a fixed buffer; what does not fit is left out.
 * And its opposite, for numbers.
 */
#ifndef COMMON_LINE_H
#define COMMON_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct line {
	char *p; /* the text, not ended by a NUL */
	size_t n; /* its length; set it to 0 at first */
	size_t cap; /* room at p */
};

/* Adds a string; control characters become '?'. */
void line_str(struct line *l, const char *s);
/* Adds a number in decimal, with zeros in front up to `width` digits. */
void line_num(struct line *l, uint64_t v, unsigned width);
/* Adds a number as Windows writes its result codes: "0x8028400f". */
void line_hex(struct line *l, uint32_t v);
/* Ends the text with a NUL, in place of its last character if it is full. */
void line_end(struct line *l);

/*
 * Reads all of `s` as a number in base 8 or 10. False, and *v is 0, if `s` is
 * NULL, empty, has other characters, or the number is over `max`.
 */
bool line_parse(const char *s, unsigned base, uint64_t max, uint64_t *v);

#endif
