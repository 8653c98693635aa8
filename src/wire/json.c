#include "wire/json.h"

#include <string.h>

#define JSMN_STATIC
#define JSMN_STRICT
#define JSMN_PARENT_LINKS
#include <jsmn.h>

#include "err.h"
#include "wire/json_string.h"

/* The object, its members, and one key too many, to notice it. */
#define TOKENS_MAX (1 + 2 * ITEMS_MAX + 1)

/*
 * jsmn finds where strings and other values begin and end, and checks the form of
 * escapes. It does not check what is between them, nor what the values are. So the text is
 * walked through again, from token to token.
 */
struct walk {
	const char *js;
	size_t n;
	size_t at;
	const jsmntok_t *tok; /* the next token */
	size_t tokens; /* left */
	size_t max; /* members allowed; ITEMS_MAX also means that nesting is allowed */
	unsigned inside; /* json_member.inside of the members that come now */
	char closing; /* the bracket that ends the current object or array */
};

static bool has_nul(const uint8_t *p, size_t n)
{
	if (memchr(p, 0, n) != NULL) {
		return true;
	}
	for (size_t i = 0; i + UNICODE_ESCAPE <= n; i++) {
		if (p[i] != '\\') {
			continue;
		}
		i++;
		if (memcmp(p + i, "u0000", UNICODE_ESCAPE - 1) == 0) {
			return true;
		}
	}
	return false;
}

/* How many bytes follow the first one of a UTF-8 sequence; -1: it is no first byte. */
static int utf8_follow(uint8_t lead)
{
	if (lead < 0x80) {
		return 0;
	}
	if (lead < 0xc2 || lead > 0xf4) {
		return -1;
	}
	return lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
}

static bool is_utf8(const uint8_t *p, size_t n)
{
	static const uint32_t smallest[] = {0, 0x80, 0x800, 0x10000};

	for (size_t i = 0; i < n;) {
		int follow = utf8_follow(p[i]);
		uint32_t c;

		if (follow < 0 || (size_t)follow >= n - i) {
			return false;
		}
		c = follow == 0 ? p[i] : p[i] & (0x3fU >> follow);
		i++;
		for (int k = 0; k < follow; k++, i++) {
			if ((p[i] & 0xc0) != 0x80) {
				return false;
			}
			c = c << 6 | (p[i] & 0x3f);
		}
		if (c < smallest[follow] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
			return false;
		}
	}
	return true;
}

/* Skips digits; false if there are none. */
static bool digits(const char **p, const char *end)
{
	const char *start = *p;

	while (*p < end && **p >= '0' && **p <= '9') {
		(*p)++;
	}
	return *p > start;
}

/* RFC 8259, section 6. */
static bool number_ok(struct json_slice s)
{
	const char *p = s.p;
	const char *end = s.p + s.n;

	if (p < end && *p == '-') {
		p++;
	}
	if (p < end && *p == '0') {
		p++;
	} else if (!digits(&p, end)) {
		return false;
	}
	if (p < end && *p == '.') {
		p++;
		if (!digits(&p, end)) {
			return false;
		}
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-')) {
			p++;
		}
		if (!digits(&p, end)) {
			return false;
		}
	}
	return p == end;
}

static bool is_word(struct json_slice s, const char *word)
{
	return s.n == strlen(word) && memcmp(s.p, word, s.n) == 0;
}

static bool primitive_ok(struct json_slice s, enum json_kind *kind)
{
	if (is_word(s, "true")) {
		*kind = JSON_TRUE;
	} else if (is_word(s, "false")) {
		*kind = JSON_FALSE;
	} else if (is_word(s, "null")) {
		*kind = JSON_NULL;
	} else {
		*kind = JSON_NUMBER;
		return number_ok(s);
	}
	return true;
}

static void skip_space(struct walk *w)
{
	while (w->at < w->n && strchr(" \t\r\n", w->js[w->at]) != NULL) {
		w->at++;
	}
}

static bool take_char(struct walk *w, char c)
{
	skip_space(w);
	if (w->at == w->n || w->js[w->at] != c) {
		return false;
	}
	w->at++;
	return true;
}

/* The token that begins here, or NULL. */
static const jsmntok_t *take_token(struct walk *w)
{
	const jsmntok_t *t = w->tok;
	size_t quote;

	skip_space(w);
	if (w->tokens == 0) {
		return NULL;
	}
	quote = t->type == JSMN_STRING ? 1 : 0;
	if ((size_t)t->start != w->at + quote) {
		return NULL;
	}
	w->tok++;
	w->tokens--;
	w->at = (size_t)t->end + quote;
	return t;
}

static struct json_slice slice_of(const struct walk *w, const jsmntok_t *t)
{
	return (struct json_slice){.p = w->js + t->start, .n = (size_t)(t->end - t->start)};
}

/* Takes the value of m, whose key is set. Of an object or array it takes only the opening
 * bracket, so that its members come next. */
static int take_value(struct walk *w, const jsmntok_t *value, struct json_member *m)
{
	m->value = slice_of(w, value);
	m->kind = JSON_STRING;
	if (value->type == JSMN_OBJECT || value->type == JSMN_ARRAY) {
		if (w->max != ITEMS_MAX || w->inside != 0) {
			return -ERR_NESTING;
		}
		m->value.n = 1; /* jsmn may not have found its end */
		m->kind = JSON_NESTED;
		w->at = (size_t)value->start + 1;
		w->closing = m->value.p[0] == '{' ? '}' : ']';
	}
	return json_string_ok(m->key) &&
			       (value->type == JSMN_PRIMITIVE ? primitive_ok(m->value, &m->kind)
							      : json_string_ok(m->value))
		       ? 0
		       : -ERR_JSON;
}

/* Takes a key and its value, or an element of an array. */
static int take_member(struct walk *w, struct json_object *out)
{
	struct json_member *m = &out->members[out->count];
	const jsmntok_t *t;
	struct json_slice key = {0};
	int e;

	if (w->closing == '}') {
		t = take_token(w);
		if (t == NULL || t->type != JSMN_STRING) {
			return -ERR_JSON;
		}
		key = slice_of(w, t);
	}
	if (out->count == w->max) {
		return -ERR_MEMBERS;
	}
	t = key.p == NULL || take_char(w, ':') ? take_token(w) : NULL;
	if (t == NULL) {
		return -ERR_JSON;
	}
	m->key = key;
	m->inside = w->inside;
	e = take_value(w, t, m);
	out->count++;
	if (m->kind == JSON_NESTED) {
		w->inside = (unsigned)out->count;
	}
	return e;
}

static int take_object(struct walk *w, struct json_object *out)
{
	bool first = true; /* directly after an opening bracket: no comma */
	int e;

	if (!take_char(w, '{')) {
		return -ERR_JSON;
	}
	w->tok++;
	w->tokens--;
	for (;;) {
		if (take_char(w, w->closing)) {
			if (w->inside == 0) {
				break;
			}
			w->inside = 0;
			w->closing = '}';
			first = false;
			continue;
		}
		if (!first && !take_char(w, ',')) {
			return -ERR_JSON;
		}
		e = take_member(w, out);
		if (e != 0) {
			return e;
		}
		first = out->members[out->count - 1].kind == JSON_NESTED;
	}
	skip_space(w);
	return w->at == w->n ? 0 : -ERR_TRAILING;
}

static bool has_duplicate(const struct json_object *o)
{
	for (size_t i = 1; i < o->count; i++) {
		for (size_t k = 0; k < i; k++) {
			const struct json_member *a = &o->members[i];
			const struct json_member *b = &o->members[k];

			if (a->inside == b->inside && a->key.p != NULL &&
			    json_string_same(a->key, b->key)) {
				return true;
			}
		}
	}
	return false;
}

static int parse_object(const char *js, size_t n, size_t max, struct json_object *out)
{
	jsmntok_t tokens[TOKENS_MAX] = {0};
	struct walk w = {.js = js, .n = n, .tok = tokens, .max = max, .closing = '}'};
	jsmn_parser parser;

	/*
	 * The result of jsmn_parse is not needed: if it stops early, because of an error or
	 * because there are not enough tokens, take_object finds no token there and fails.
	 */
	jsmn_init(&parser);
	(void)jsmn_parse(&parser, js, n, tokens, TOKENS_MAX);
	w.tokens = parser.toknext;
	return take_object(&w, out);
}

static int parse(const uint8_t *p, size_t n, size_t max, struct json_object *out)
{
	int e = 0;

	out->count = 0;
	if (has_nul(p, n)) {
		e = -ERR_NUL;
	} else if (!is_utf8(p, n)) {
		e = -ERR_UTF8;
	} else {
		e = parse_object((const char *)p, n, max, out);
		if (e == 0 && has_duplicate(out)) {
			e = -ERR_DUPLICATE;
		}
	}
	if (e != 0) {
		out->count = 0;
	}
	return e;
}

int json_parse(const uint8_t *p, size_t n, struct json_object *out)
{
	return parse(p, n, MEMBERS_MAX, out);
}

int json_parse_nested(const uint8_t *p, size_t n, struct json_object *out)
{
	return parse(p, n, ITEMS_MAX, out);
}
