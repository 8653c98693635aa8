/*
 * One JSON object (RFC 8259), strictly: on top of jsmn, which splits the text
 * into tokens but accepts much that is not JSON. Requests are flat; in replies
 * there may be a level of objects and arrays.
 */
#ifndef WIRE_JSON_H
#define WIRE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounds.h"

enum json_kind { JSON_STRING, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL, JSON_NESTED };

/* A piece of the text: strings without their quotes, escapes not undone. */
struct json_slice {
	const char *p;
	size_t n;
};
struct json_member {
	struct json_slice key; /* NULL in an array */
	struct json_slice value; /* of JSON_NESTED: its first byte only, an opening bracket */
	enum json_kind kind;
	unsigned inside; /* 0, or 1 + the index of the member whose value it is part of */
};
/* The members, in order; they point into the text, which MUST outlive them. */
struct json_object {
	struct json_member members[ITEMS_MAX];
	size_t count;
};

/*
 * Parses n bytes (at most INT_MAX) as one object whose values are strings,
 * numbers, true, false or null. Space may stand around tokens; a byte order
 * mark may not. Looked for in this order, each in the whole text:
 *
 * - -ERR_NUL: a zero byte, or an escape \u0000;
 * - -ERR_UTF8;
 * - the first fault from left to right: -ERR_NESTING (a value is an object or
 *   an array), -ERR_MEMBERS (one key too many), -ERR_TRAILING (text after the
 *   closing brace), -ERR_JSON (any other, half a surrogate pair among them);
 * - -ERR_DUPLICATE: the same key twice, escapes undone.
 *
 * out is empty on failure.
 */
int json_parse(const uint8_t *p, size_t n, struct json_object *out);

/*
 * As json_parse, but a value may be an object or an array, whose own members
 * stand right behind it, with `inside`; -ERR_NESTING is for what is nested in
 * those. At most ITEMS_MAX members, all counted.
 */
int json_parse_nested(const uint8_t *p, size_t n, struct json_object *out);

/* Is the string, escapes undone, equal to the text (UTF-8, no backslash)? */
bool json_equal(struct json_slice s, const char *text);

/*
 * Undoes the escapes, in UTF-8, at most s.n bytes: to buf, which MUST have
 * room for s.n, and may begin before the slice or where that does. Returns the
 * length. The slice MUST come from json_parse; of no string it is a copy.
 */
size_t json_unescape(struct json_slice s, char *buf);

#endif
