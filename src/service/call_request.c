#include <string.h>

#include "base/text.h"
#include "base/wipe.h"
#include "bounds.h"
#include "err.h"
#include "service/call_request.h"
#include "service/log_lines.h"
#include "wire/json.h"
#include "wire/json_string.h"

/* The command line's words as a JSON request, with a NUL behind it. */
static void put_request(struct text *t, const struct options *o)
{
	for (size_t i = 0; i < o->word_count; i++) {
		const char *name = i == 0 ? "command" : o->words[i];
		size_t n = text_until(name, '=');
		const char *value = i == 0 ? o->words[0] : name + n + 1;

		text_str(t, i == 0 ? "{" : ",");
		json_string_put(t, name, n);
		text_str(t, ":");
		json_string_put(t, value, strlen(value));
	}
	text_put(t, "}", sizeof "}");
}

static int exchange(const struct options *o, uint8_t *reply, size_t *n)
{
	static char line[REQUEST_MAX + 1];
	struct text t = text_in(line, sizeof line);
	const char *request = o->words[0];

	if (request != NULL && request[0] != '{') {
		put_request(&t, o);
		request = line;
	}
	return t.cut ? -ERR_TOO_LONG : port_call(request, reply, TX_MAX, n);
}

static const struct json_member *find(const struct json_object *o, const char *name)
{
	for (size_t i = 0; i < o->count; i++) {
		if (o->members[i].inside == 0 && json_equal(o->members[i].key, name)) {
			return &o->members[i];
		}
	}
	return NULL;
}

/*
 * Writes the member's value and a line end; of an object or array, one line for each
 * value inside. The reply's own text is overwritten: what has been read of it is never
 * shorter than what has been written. Returns the length.
 */
static size_t put_bare(const struct json_object *o, const struct json_member *which, char *to)
{
	unsigned inside = 1 + (unsigned)(which - o->members);
	size_t n = 0;

	for (const struct json_member *m = which; m < o->members + o->count; m++) {
		if (m->kind == JSON_NESTED || (m != which && m->inside != inside)) {
			continue;
		}
		if (m->inside != 0 && m->key.p != NULL) {
			n += json_unescape(m->key, to + n);
			to[n++] = ' ';
		}
		if (m->kind != JSON_NULL) {
			n += json_unescape(m->value, to + n);
		}
		to[n++] = '\n';
	}
	return n;
}

static int print(const struct options *o, uint8_t *reply, size_t n)
{
	static struct json_object object; /* stays empty if the reply is not JSON */
	const struct json_member *status, *which;
	bool ok;
	int r;

	(void)json_parse_nested(reply, n, &object);
	status = find(&object, "status");
	ok = status != NULL && json_equal(status->value, "ok");
	which = o->member == NULL ? NULL : find(&object, o->member);
	if (which != NULL) {
		n = put_bare(&object, which, (char *)reply);
	} else {
		if (ok && o->member != NULL) {
			struct text t = text_in((char *)reply, TX_MAX);

			text_str(&t, "attestd: the reply has no member ");
			text_str(&t, o->member);
			n = t.len;
			ok = false;
		}
		reply[n++] = '\n';
	}
	r = port_print(o->member != NULL && which == NULL, (const char *)reply, n);
	return ok && r == 0 ? 0 : 1;
}

int call_run(const struct options *o)
{
	static uint8_t reply[TX_MAX + 1]; /* + 1: a line end */
	size_t n;
	int r;

	(void)port_sandbox_enter(PORT_CALL); /* no core dumps: the reply may be a secret */
	r = exchange(o, reply, &n);
	if (r != 0) {
		log_event(PORT_LOG_ERROR, "call", r, 0);
		return 1;
	}
	r = print(o, reply, n);
	wipe(reply, sizeof reply);
	return r;
}
