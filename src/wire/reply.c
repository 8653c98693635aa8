#include "wire/reply.h"

#include <string.h>

#include "wire/base64.h"
#include "wire/json_string.h"

/*
 * All names and messages in one string: name, NUL, message, NUL, name... An array of
 * pointers to them would make the program larger, because each needs a relocation.
 */
static const char strings[] = "ok\0ok\0"
#define ERR_STRINGS(symbol, name, message) name "\0" message "\0"
	ERR_LIST(ERR_STRINGS)
#undef ERR_STRINGS
	;

static const char *string_of(int e, unsigned which)
{
	const char *s = strings;

	if (e <= -ERR_COUNT || e >= ERR_COUNT) {
		e = ERR_INTERNAL;
	}
	for (unsigned i = 2 * (unsigned)(e < 0 ? -e : e) + which; i > 0; i--) {
		s += strlen(s) + 1;
	}
	return s;
}

const char *err_name(int e)
{
	return string_of(e, 0);
}

const char *err_message(int e)
{
	return string_of(e, 1);
}

void reply_ok(struct text *t)
{
	text_str(t, "{\"status\":\"ok\"");
}

/* Puts a comma, unless this is the first member of an object or array. */
static void separate(struct text *t)
{
	char last = t->len == 0 ? '{' : t->p[t->len - 1];

	if (last != '{' && last != '[') {
		text_str(t, ",");
	}
}

/* Keys are constants of ours, which need no escapes. */
static void put_key(struct text *t, const char *key)
{
	separate(t);
	text_str(t, "\"");
	text_str(t, key);
	text_str(t, "\":");
}

static void open_string(struct text *t, const char *key)
{
	put_key(t, key);
	text_str(t, "\"");
}

static void close_string(struct text *t)
{
	text_str(t, "\"");
}

static void put_null(struct text *t, const char *key)
{
	put_key(t, key);
	text_str(t, "null");
}

void reply_member(struct text *t, const char *key, const uint8_t *p, size_t n)
{
	if (p == NULL) {
		put_null(t, key);
		return;
	}
	open_string(t, key);
	base64_put(t, p, n);
	close_string(t);
}

void reply_text(struct text *t, const char *key, const char *text)
{
	if (text == NULL) {
		put_null(t, key);
		return;
	}
	put_key(t, key);
	json_string_put(t, text, strlen(text));
}

void reply_number(struct text *t, const char *key, uint64_t n)
{
	put_key(t, key);
	text_dec(t, n, 1);
}

void reply_open(struct text *t, const char *key, char bracket)
{
	put_key(t, key);
	text_put(t, &bracket, 1);
}

void reply_element(struct text *t, const uint8_t *p, size_t n)
{
	separate(t);
	text_str(t, "\"");
	base64_put(t, p, n);
	text_str(t, "\"");
}

void reply_close(struct text *t, char bracket)
{
	text_put(t, &bracket, 1);
}

void reply_end(struct text *t)
{
	text_str(t, "}\n");
}

void reply_error(struct text *t, int e, const char *prefix, const char *field, uint32_t tpm_rc)
{
	text_str(t, "{\"status\":\"error\"");
	open_string(t, "message");
	text_str(t, prefix);
	text_str(t, err_message(e));
	close_string(t);
	reply_text(t, "error", err_name(e));
	if (field != NULL) {
		reply_text(t, "field", field);
	}
	if (tpm_rc != 0) {
		open_string(t, "tpm_rc");
		text_hex(t, tpm_rc, 3);
		close_string(t);
	}
}
