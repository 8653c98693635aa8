/*
 * The strings of a JSON text (RFC 8259, section 7), as jsmn has cut them out:
 * without their quotes, and every backslash begins an escape of the right
 * form. json.h has what others need.
 */
#ifndef WIRE_JSON_STRING_H
#define WIRE_JSON_STRING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "wire/json.h"

/* The length of \uXXXX. */
#define UNICODE_ESCAPE 6

/* What jsmn leaves to us: no raw control character, no half of a surrogate pair. */
bool json_string_ok(struct json_slice s);

/* Are the two the same, escapes undone? Both MUST have passed json_string_ok. */
bool json_string_same(struct json_slice a, struct json_slice b);

/* Appends n bytes of UTF-8 as a JSON string, with its quotes. What does not fit is left
 * out, in the middle of the string too, and sets t->cut. */
void json_string_put(struct text *t, const char *s, size_t n);

#endif
