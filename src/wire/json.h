/*
 * Parses one JSON object (RFC 8259) strictly. jsmn splits the text into tokens, but it
 * accepts much that is not JSON; that is rejected here. Values in requests are not
 * nested; in replies there may be one level of objects and arrays.
 */
#ifndef WIRE_JSON_H
#define WIRE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounds.h"

enum json_kind { JSON_STRING, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL, JSON_NESTED };

/* A piece of the text. Strings are without their quotes, and still have their escapes. */
struct json_slice {
	const char *p;
	size_t n;
};
struct json_member {
	struct json_slice key; /* NULL in an array */
	struct json_slice value; /* JSON_NESTED: only its opening bracket */
	enum json_kind kind;
	unsigned inside; /* 0, or 1 + the index of the member that contains this one */
};
/* The members, in order; they point into the text, which MUST outlive them. */
struct json_object {
	struct json_member members[ITEMS_MAX];
	size_t count;
};

/*
 * Parses n bytes (at most INT_MAX) as one object whose values are strings,
 * numbers, true, false or null. White space between tokens is
 * allowed, a byte order mark is not. The errors, in the order in which the whole text
 * is checked for them:
 *
 * - -ERR_NUL: a zero byte, or an escape \u0000;
 * - -ERR_UTF8;
 * - the first of these from left to right: -ERR_NESTING (a value is an object or an
 *   array), -ERR_MEMBERS (more than MEMBERS_MAX keys), -ERR_TRAILING (text after the
 *   closing brace), -ERR_JSON (everything else, such as half of a surrogate pair);
 * - -ERR_DUPLICATE: two keys are the same after their escapes are undone.
 *
 * out is empty on failure.
 */
int json_parse(const uint8_t *p, size_t n, struct json_object *out);

/*
 * As json_parse, but a value may be an object or an array. Its members or elements follow
 * it in the list, with `inside` set. -ERR_NESTING: there is a second level of nesting.
 * There are at most ITEMS_MAX members, those inside included.
 */
int json_parse_nested(const uint8_t *p, size_t n, struct json_object *out);

/* Is the string, with its escapes undone, equal to the text (UTF-8, no backslash)? */
bool json_equal(struct json_slice s, const char *text);

/*
 * Writes the slice to buf in UTF-8, with the escapes of a string undone; returns the
 * length, which is at most s.n. buf MUST have room for s.n bytes. It may overlap the slice
 * if it does not begin behind the slice's start. The slice MUST come from json_parse.
 */
size_t json_unescape(struct json_slice s, char *buf);

#endif
