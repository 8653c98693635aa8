/*
 * Base64 (RFC 4648): with the alphabet of section 4 or of section 5, padded or not.
 *
 * Secrets are encoded and decoded here. So no table is indexed by a byte of them, and no
 * branch depends on one; except that it shows where white space is, and whether the
 * whole text is valid.
 */
#ifndef WIRE_BASE64_H
#define WIRE_BASE64_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/* Writes BASE64_LEN(n) characters to out, which MUST have room for them. */
void base64_encode(const uint8_t *p, size_t n, char *out);

/* Appends n bytes to the text; if not all fit, it appends nothing and sets t->cut. */
void base64_put(struct text *t, const uint8_t *p, size_t n);

/*
 * Decodes n characters to out, in place if out == s. Accepts '+' '/' as well as '-'
 * '_', correct padding or none, and white space (space, tab, CR, LF) anywhere.
 * -ERR_BASE64: other characters, padding that is wrong or not at the end, a single
 * character left over, or unused bits that are not 0; *len is 0 then, and what was
 * written is wiped.
 * out MUST have room for base64_size bytes, which is at most n / 4 * 3 + 2.
 */
int base64_decode(const char *s, size_t n, uint8_t *out, size_t *len);

/* The number of bytes that base64_decode writes if the text is valid, and the most that it
 * writes if not. */
size_t base64_size(const char *s, size_t n);

#endif
