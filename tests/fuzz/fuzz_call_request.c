/*
 * src/service/call_request.c. The input: the arguments behind "call", one a line; an
 * empty line; the reply.
 */
#include "fuzz.h"

#include "bounds.h"
#include "service/call_request.h"
#include "wire/json.h"

#define ARGS_MAX 40

static struct options o;
static const uint8_t *reply;
static size_t reply_n;
static bool sent;

/* ---- a port without options of its own ----------------------------------- */

static int no_option(const char *value)
{
	(void)value;
	return -ERR_USAGE;
}

const struct port_option port_options[] = {{"--none X", "", PORT_SERVE, no_option}};
const unsigned port_modes = PORT_SERVE | PORT_CALL;
const size_t port_option_count = 1;
const struct port_subcommand port_subcommands[] = {{NULL, NULL, false, NULL}};

int port_sandbox_enter(enum port_mode mode)
{
	MUST(mode == PORT_CALL);
	return 0;
}

void port_log(enum port_log_level level, const char *text, size_t n)
{
	MUST(level == PORT_LOG_ERROR && n > 0);
	(void)text;
}

void port_peer(unsigned conn, struct port_id *id)
{
	(void)conn;
	(void)id;
}

static void slice_must_be(struct json_slice s, const char *p, size_t n)
{
	char *bytes = exact(NULL, s.n);

	MUST(same_bytes(bytes, json_unescape(s, bytes), p, n));
	free(bytes);
}

/* If the arguments are UTF-8, the request has the members that they name. */
static void check_request(const char *request)
{
	struct json_object r;
	int e = json_parse((const uint8_t *)request, strlen(request), &r);

	MUST(e == 0 || e == -ERR_UTF8);
	MUST(r.count == (e == 0 ? o.word_count : 0));
	for (size_t i = 0; i < r.count; i++) {
		const char *value = i == 0 ? o.words[0] : strchr(o.words[i], '=') + 1;

		MUST(r.members[i].kind == JSON_STRING);
		slice_must_be(r.members[i].value, value, strlen(value));
		if (i == 0) {
			slice_must_be(r.members[i].key, "command", 7);
		} else {
			slice_must_be(r.members[i].key, o.words[i],
				      (size_t)(value - 1 - o.words[i]));
		}
	}
}

int port_call(const char *request, uint8_t *buf, size_t cap, size_t *len)
{
	MUST((request == NULL) == (o.word_count == 0));
	if (request != NULL && request != o.words[0]) {
		MUST(o.words[0][0] != '{');
		check_request(request);
	}
	sent = true;
	*len = reply_n < cap ? reply_n : cap;
	if (*len > 0) {
		memcpy(buf, reply, *len);
	}
	return 0;
}

static char out[TX_MAX + 1024];
static size_t out_n;
static bool out_is_error;

int port_print(bool to_stderr, const char *text, size_t n)
{
	MUST(n <= sizeof out && out_n == 0);
	memcpy(out, text, n);
	out_n = n;
	out_is_error = to_stderr;
	return 0;
}

/* ---- the expected output, built in a buffer of its own -------------------- */

static char expected[2 * TX_MAX];
static size_t expected_n;

static void expect_slice(struct json_slice s)
{
	MUST(s.n <= sizeof expected - expected_n);
	expected_n += json_unescape(s, expected + expected_n);
}

static void expect_char(char c)
{
	MUST(expected_n < sizeof expected);
	expected[expected_n++] = c;
}

static void expect_value(const struct json_member *m)
{
	if (m->kind != JSON_NULL) {
		expect_slice(m->value);
	}
	expect_char('\n');
}

static const struct json_member *top(const struct json_object *r, const char *name)
{
	const struct json_member *found = NULL;

	for (size_t i = 0; i < r->count; i++) {
		if (r->members[i].inside == 0 && json_equal(r->members[i].key, name)) {
			MUST(found == NULL);
			found = &r->members[i];
		}
	}
	return found;
}

static void check_member(const struct json_object *r, const struct json_member *m)
{
	expected_n = 0;
	if (m->kind != JSON_NESTED) {
		expect_value(m);
	}
	for (const struct json_member *k = m + 1; k < r->members + r->count && k->inside != 0;
	     k++) {
		MUST(r->members[k->inside - 1].kind == JSON_NESTED);
		if (&r->members[k->inside - 1] != m) {
			break;
		}
		if (*m->value.p == '{') {
			expect_slice(k->key);
			expect_char(' ');
		}
		expect_value(k);
	}
	MUST(!out_is_error && same_bytes(out, out_n, expected, expected_n));
}

static void check(int status)
{
	size_t n = reply_n < TX_MAX ? reply_n : TX_MAX;
	struct json_object r;
	int e = json_parse_nested(reply, n, &r);
	const struct json_member *m = top(&r, "status");
	bool ok = e == 0 && m != NULL && m->kind == JSON_STRING && json_equal(m->value, "ok");

	m = o.member == NULL ? NULL : top(&r, o.member);
	if (m != NULL) {
		check_member(&r, m);
		MUST(status == (ok ? 0 : 1));
	} else if (ok && o.member != NULL) {
		MUST(status == 1 && out_is_error);
	} else {
		MUST(status == (ok ? 0 : 1));
		MUST(out_is_error == (o.member != NULL));
		MUST(out_n == n + 1 && out[n] == '\n' && same_bytes(out, n, reply, n));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *args[ARGS_MAX + 3] = {"attestd", "call"};
	const char *wrong;
	int argc = 2, status;
	uint8_t *copy;

	while (size > 0 && *data != '\n' && argc < ARGS_MAX) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t n = end == NULL ? size : (size_t)(end - data);

		args[argc++] = strndup((const char *)data, n);
		n += end != NULL;
		data += n;
		size -= n;
	}
	if (size > 0) {
		data++;
		size--;
	}
	copy = exact(data, size);
	reply = copy;
	reply_n = size;
	if (command_line_parse(argc, args, &o, &wrong) == 0) {
		out_n = 0;
		sent = false;
		status = call_run(&o);
		if (sent) {
			check(status);
		} else {
			MUST(status == 1 && out_n == 0);
		}
	}
	free(copy);
	while (argc > 2) {
		free(args[--argc]);
	}
	return 0;
}
