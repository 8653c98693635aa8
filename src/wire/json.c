#include "wire/json.h"

#include <string.h>

#define JSMN_STATIC
#define JSMN_STRICT
#define JSMN_PARENT_LINKS
#include <jsmn.h>

#include "err.h"
#include "wire/json_string.h"

/* The object, its members, and a key too many. */
#define TOKENS_MAX (1 + 2 * MEMBERS_MAX + 1)

/*
 * jsmn has found where strings and the other values begin and end, and that
 * escapes have their form; what stands between, and what the values are, it
 * does not care. So this walks the text again, from token to token.
 */
struct walk {
	const char *js;
	size_t n;
	size_t at;
	const jsmntok_t *tok; /* the next token */
	size_t tokens; /* left */
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

/* The bytes that must follow the first one of a UTF-8 sequence, or -1. */
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

/* Skips digits; there must be one. */
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

static int take_member(struct walk *w, struct json_object *out)
{
	const jsmntok_t *key = take_token(w);
	const jsmntok_t *value;
	struct json_member *m;

	if (key == NULL || key->type != JSMN_STRING) {
		return -ERR_JSON;
	}
	if (out->count == MEMBERS_MAX) {
		return -ERR_MEMBERS;
	}
	value = take_char(w, ':') ? take_token(w) : NULL;
	if (value == NULL) {
		return -ERR_JSON;
	}
	if (value->type == JSMN_OBJECT || value->type == JSMN_ARRAY) {
		return -ERR_NESTING;
	}
	m = &out->members[out->count++];
	m->key = slice_of(w, key);
	m->value = slice_of(w, value);
	m->kind = JSON_STRING;
	if (!json_string_ok(m->key) ||
	    !(value->type == JSMN_STRING ? json_string_ok(m->value)
					 : primitive_ok(m->value, &m->kind))) {
		return -ERR_JSON;
	}
	return 0;
}

static int take_object(struct walk *w, struct json_object *out)
{
	int e;

	if (!take_char(w, '{')) {
		return -ERR_JSON;
	}
	w->tok++;
	w->tokens--;
	if (!take_char(w, '}')) {
		do {
			e = take_member(w, out);
			if (e != 0) {
				return e;
			}
		} while (take_char(w, ','));
		if (!take_char(w, '}')) {
			return -ERR_JSON;
		}
	}
	skip_space(w);
	return w->at == w->n ? 0 : -ERR_TRAILING;
}

static bool has_duplicate(const struct json_object *o)
{
	for (size_t i = 1; i < o->count; i++) {
		for (size_t k = 0; k < i; k++) {
			if (json_string_same(o->members[i].key, o->members[k].key)) {
				return true;
			}
		}
	}
	return false;
}

static int parse_object(const char *js, size_t n, struct json_object *out)
{
	jsmntok_t tokens[TOKENS_MAX] = {0};
	struct walk w = {.js = js, .n = n, .tok = tokens};
	jsmn_parser parser;

	/*
	 * What jsmn returns does not matter: where it stops there is no token
	 * that the walk could take, be it for a fault or for want of tokens.
	 */
	jsmn_init(&parser);
	(void)jsmn_parse(&parser, js, n, tokens, TOKENS_MAX);
	w.tokens = parser.toknext;
	return take_object(&w, out);
}

int json_parse(const uint8_t *p, size_t n, struct json_object *out)
{
	int e = 0;

	out->count = 0;
	if (has_nul(p, n)) {
		e = -ERR_NUL;
	} else if (!is_utf8(p, n)) {
		e = -ERR_UTF8;
	} else {
		e = parse_object((const char *)p, n, out);
		if (e == 0 && has_duplicate(out)) {
			e = -ERR_DUPLICATE;
		}
	}
	if (e != 0) {
		out->count = 0;
	}
	return e;
}
