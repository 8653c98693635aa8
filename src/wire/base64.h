/*
 * Base64 (RFC 4648): section 4's alphabet or section 5's, padded or not.
 *
 * Secrets pass through here, so neither direction looks anything up in a
 * table or branches on a byte's value (but for rejecting the whole, and for
 * where white space is).
 */
#ifndef WIRE_BASE64_H
#define WIRE_BASE64_H

#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

/* Writes BASE64_LEN(n) characters to out, which MUST have room for them. */
void base64_encode(const uint8_t *p, size_t n, char *out);

/* Appends n bytes to the text, whole, or nothing, and sets t->cut. */
void base64_put(struct text *t, const uint8_t *p, size_t n);

/*
 * Decodes n characters to out, in place if out == s. Takes '+' '/' and '-'
 * '_', with correct padding or none, and white space (space, tab, CR, LF)
 * anywhere. -ERR_BASE64 for anything else: other characters, padding inside or
 * too much, a number of characters of 1 mod 4, bits set that no byte takes up.
 * out MUST have room for base64_size bytes, which n / 4 * 3 + 2 never is less
 * than; on failure what was written is wiped and *len is 0.
 */
int base64_decode(const char *s, size_t n, uint8_t *out, size_t *len);

/* How many bytes base64_decode writes at most; just as many if the text is right. */
size_t base64_size(const char *s, size_t n);

#endif
