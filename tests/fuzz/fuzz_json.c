/* src/wire/json.c and json_string.c: what was parsed is written again, and parsing that gives
 * the same members. */
#include "fuzz.h"

#include "wire/json.h"
#include "wire/json_string.h"

/* Room for six characters for each byte, and for quotes and punctuation. */
static char text[6 * 65536 + 1024];
static size_t text_len;

static void put(const char *p, size_t n)
{
	MUST(n <= sizeof text - text_len);
	memcpy(text + text_len, p, n);
	text_len += n;
}

/* Writes a string that is UTF-8, with as few escapes as possible. */
static void put_string(const char *p, size_t n)
{
	char escape[8];

	put("\"", 1);
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)p[i];

		if (c < 0x20 || c == '"' || c == '\\') {
			snprintf(escape, sizeof escape, "\\u%04x", c);
			put(escape, UNICODE_ESCAPE);
		} else {
			put(p + i, 1);
		}
	}
	put("\"", 1);
}

static void put_slice(struct json_slice s)
{
	char *bytes = exact(NULL, s.n);
	size_t n = json_unescape(s, bytes);

	MUST(n <= s.n);
	MUST(memchr(bytes, 0, n) == NULL);
	put_string(bytes, n);
	free(bytes);
}

/* The bracket that closes the value of this member. */
static const char *end_of(const struct json_member *m)
{
	return *m->value.p == '{' ? "}" : "]";
}

static void write_object(const struct json_object *o)
{
	const struct json_member *in = NULL;
	bool first = true;

	text_len = 0;
	put("{", 1);
	for (size_t i = 0; i < o->count; i++) {
		const struct json_member *m = &o->members[i];

		if (in != NULL && m->inside == 0) {
			put(end_of(in), 1);
			in = NULL;
			first = false;
		}
		MUST(m->inside == (in == NULL ? 0 : 1 + (unsigned)(in - o->members)));
		put(",", first ? 0 : 1);
		MUST((m->key.p == NULL) == (in != NULL && *in->value.p == '['));
		if (m->key.p != NULL) {
			put_slice(m->key);
			put(":", 1);
		}
		if (m->kind == JSON_STRING) {
			put_slice(m->value);
		} else {
			put(m->value.p, m->value.n);
		}
		first = m->kind == JSON_NESTED;
		in = first ? m : in;
	}
	if (in != NULL) {
		put(end_of(in), 1);
	}
	put("}", 1);
}

static void check_members(const struct json_object *o, const uint8_t *data, size_t size)
{
	const char *at = (const char *)data;

	for (size_t i = 0; i < o->count; i++) {
		const struct json_member *m = &o->members[i];

		if (m->key.p != NULL) {
			MUST(inside(m->key.p, m->key.n, data, size));
			MUST(m->key.p > at);
			at = m->key.p + m->key.n;
		}
		MUST(inside(m->value.p, m->value.n, data, size));
		MUST(m->value.p > at || (m->key.p == NULL && m->value.p == at));
		at = m->value.p + m->value.n;
		for (size_t k = 0; m->key.p != NULL && k < i; k++) {
			MUST(m->inside != o->members[k].inside ||
			     !json_string_same(m->key, o->members[k].key));
		}
	}
}

static void check_same(const struct json_object *a, const struct json_object *b)
{
	MUST(a->count == b->count);
	for (size_t i = 0; i < a->count; i++) {
		const struct json_member *x = &a->members[i], *y = &b->members[i];

		MUST(x->key.p == NULL ? y->key.p == NULL : json_string_same(x->key, y->key));
		MUST(x->kind == y->kind && x->inside == y->inside);
		MUST(x->kind == JSON_STRING
			     ? json_string_same(x->value, y->value)
			     : same_bytes(x->value.p, x->value.n, y->value.p, y->value.n));
	}
}

typedef int parser(const uint8_t *p, size_t n, struct json_object *out);

static int parse_with(parser *parse, const uint8_t *data, size_t size, struct json_object *o)
{
	struct json_object again;
	uint8_t *copy;
	int e;

	o->count = 99;
	e = parse(data, size, o);
	if (e != 0) {
		MUST(is_error(e) && o->count == 0);
		return e;
	}
	check_members(o, data, size);
	write_object(o);
	copy = exact(text, text_len);
	MUST(parse(copy, text_len, &again) == 0);
	check_same(o, &again);
	free(copy);
	return 0;
}

/* Both parsers return the same for an object without nested values, if it has no more members
 * than either takes. */
static void parse(const uint8_t *data, size_t size)
{
	struct json_object flat, nested;
	int e = parse_with(json_parse, data, size, &flat);
	int e_nested = parse_with(json_parse_nested, data, size, &nested);

	MUST(flat.count <= MEMBERS_MAX && nested.count <= ITEMS_MAX);
	if (e != -ERR_NESTING && e != -ERR_MEMBERS) {
		MUST(e == e_nested);
		check_same(&flat, &nested);
	}
	for (size_t i = 0; i < flat.count; i++) {
		MUST(flat.members[i].kind != JSON_NESTED && flat.members[i].inside == 0);
	}
}

/* Parses the input as the inside of a string. */
static void parse_string(const uint8_t *data, size_t size)
{
	static const char head[] = "{\"k\":\"", tail[] = "\"}";
	size_t n = sizeof head - 1 + size + sizeof tail - 1;
	uint8_t *line = exact(NULL, n);

	memcpy(line, head, sizeof head - 1);
	memcpy(line + sizeof head - 1, data, size);
	memcpy(line + n - (sizeof tail - 1), tail, sizeof tail - 1);
	parse(line, n);
	free(line);
}

/* Any bytes that can be written as a JSON string are read back unchanged. */
static void write_string(const uint8_t *data, size_t size)
{
	struct json_object o;
	uint8_t *copy;
	char *bytes;
	int e;

	text_len = 0;
	put("{\"k\":", 5);
	put_string((const char *)data, size);
	put("}", 1);
	copy = exact(text, text_len);
	e = json_parse(copy, text_len, &o);
	MUST(e == 0 || e == -ERR_UTF8 || e == -ERR_NUL);
	MUST((e == -ERR_NUL) == (memchr(data, 0, size) != NULL));
	if (e == 0) {
		MUST(o.count == 1 && json_equal(o.members[0].key, "k"));
		bytes = exact(NULL, o.members[0].value.n);
		MUST(same_bytes(bytes, json_unescape(o.members[0].value, bytes), data, size));
		free(bytes);
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size <= 65536) {
		parse(data, size);
		parse_string(data, size);
		write_string(data, size);
	}
	return 0;
}
