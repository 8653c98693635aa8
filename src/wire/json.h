/*
 * One flat JSON object (RFC 8259), strictly: on top of jsmn, which splits the
 * text into tokens but accepts much that is not JSON.
 */
#ifndef WIRE_JSON_H
#define WIRE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounds.h"

enum json_kind { JSON_STRING, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL };

/* A piece of the text: strings without their quotes, escapes not undone. */
struct json_slice {
	const char *p;
	size_t n;
};
struct json_member {
	struct json_slice key;
	struct json_slice value;
	enum json_kind kind;
};
/* The members, in order; they point into the text, which MUST outlive them. */
struct json_object {
	struct json_member members[MEMBERS_MAX];
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

/* Is the string, escapes undone, equal to the text (ASCII, no backslash)? */
bool json_equal(struct json_slice s, const char *text);

/*
 * Undoes the escapes, in UTF-8, at most s.n bytes: to buf, which MUST have
 * room for s.n. Returns the length. The slice MUST come from json_parse.
 */
size_t json_unescape(struct json_slice s, char *buf);

#endif
