/*
 * The strings of JSON (RFC 8259, section 7), as jsmn finds them: without their quotes, and
 * with every backslash beginning an escape of a valid form. What json.h declares for
 * strings is defined here too.
 */
#ifndef WIRE_JSON_STRING_H
#define WIRE_JSON_STRING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "wire/json.h"

/* The length of \uXXXX. */
#define UNICODE_ESCAPE 6

/* Checks what jsmn does not: there is no control character that is not escaped, and no
 * half of a surrogate pair. */
bool json_string_ok(struct json_slice s);

/* Are the two the same, with their escapes undone? Both MUST have passed json_string_ok. */
bool json_string_same(struct json_slice a, struct json_slice b);

/* Appends n bytes of UTF-8 as a JSON string, with its quotes. If t->cut is set after that,
 * only a part was written. */
void json_string_put(struct text *t, const char *s, size_t n);

#endif
