/* src/service/call_request.c: requests built from words, and the part of the reply that is
 * printed. */
#include "unit.h"

#include "bounds.h"
#include "err.h"
#include "service/call_request.h"

/* ---- a port whose service answers what the test says ---------------------- */

static const char *answer;
static int call_error, print_error_;
static char sent[REQUEST_MAX + 2]; /* one byte more for the mark of a line from standard input */
static char out[2][2 * TX_MAX]; /* standard output, standard error */
static size_t out_n[2];
static uint8_t *reply_at;
static size_t reply_n;
static bool confined;

int port_sandbox_enter(enum port_mode mode)
{
	assert_int_equal(mode, PORT_CALL);
	confined = true;
	return 0;
}

int port_call(const char *request, uint8_t *buf, size_t cap, size_t *len)
{
	assert_true(confined);
	*len = 0;
	strcpy(sent, request == NULL ? "(standard input)" : request);
	if (call_error != 0) {
		return call_error;
	}
	assert_true(strlen(answer) <= cap);
	*len = strlen(answer);
	memcpy(buf, answer, *len);
	reply_at = buf;
	reply_n = *len;
	return 0;
}

int port_print(bool to_stderr, const char *text, size_t n)
{
	assert_true(out_n[to_stderr] + n < sizeof out[0]);
	memcpy(out[to_stderr] + out_n[to_stderr], text, n);
	out_n[to_stderr] += n;
	return print_error_;
}

static char logged[512];

void port_log(enum port_log_level level, const char *text, size_t n)
{
	assert_int_equal(level, PORT_LOG_ERROR);
	assert_true(n < sizeof logged);
	memcpy(logged, text, n);
	logged[n] = '\0';
}

void port_peer(unsigned conn, struct port_id *id)
{
	(void)conn;
	(void)id;
}

/* ---- a call ---------------------------------------------------------------- */

static int run(const struct options *o)
{
	int status;

	memset(out, 0, sizeof out);
	memset(out_n, 0, sizeof out_n);
	memset(sent, 0, sizeof sent);
	logged[0] = '\0';
	reply_at = NULL;
	confined = false;
	status = call_run(o);
	assert_true(status == 0 || status == 1);
	for (size_t i = 0; reply_at != NULL && i <= reply_n; i++) {
		assert_int_equal(reply_at[i], 0); /* the reply is wiped */
	}
	return status;
}

/* The options for these words, which are separated by '|'; NULL means none. */
static struct options options_of(const char *words)
{
	static char copy[2 * REQUEST_MAX];
	struct options o = {.mode = PORT_CALL};

	if (words == NULL) {
		return o;
	}
	assert_true(strlen(words) < sizeof copy);
	strcpy(copy, words);
	for (char *p = copy; p != NULL; o.word_count++) {
		o.words[o.word_count] = p;
		p = strchr(p, '|');
		if (p != NULL) {
			*p++ = '\0';
		}
	}
	return o;
}

static void sends(const char *words, const char *request)
{
	struct options o = options_of(words);

	answer = "{\"status\":\"ok\"}";
	assert_int_equal(run(&o), 0);
	assert_string_equal(sent, request);
	assert_string_equal(out[false], "{\"status\":\"ok\"}\n");
}

static void makes_requests(void **state)
{
	(void)state;
	sends(NULL, "(standard input)");
	sends("getEK", "{\"command\":\"getEK\"}");
	sends("", "{\"command\":\"\"}");
	sends("{", "{");
	sends("{\"command\":\"getEK\"}", "{\"command\":\"getEK\"}");
	sends("quote|nonce=AA==|pcrs=0-7|aik=rsa",
	      "{\"command\":\"quote\",\"nonce\":\"AA==\",\"pcrs\":\"0-7\",\"aik\":\"rsa\"}");
	sends("a=b|c=", "{\"command\":\"a=b\",\"c\":\"\"}");
	sends("a|b=1|c=true|d=null|e={}",
	      "{\"command\":\"a\",\"b\":\"1\",\"c\":\"true\",\"d\":\"null\",\"e\":\"{}\"}");
	sends("q\"\\|\"n\\=\"v\\\"=",
	      "{\"command\":\"q\\\"\\\\\",\"\\\"n\\\\\":\"\\\"v\\\\\\\"=\"}");
	sends("a|\n=\t\x1f", "{\"command\":\"a\",\"\\u000a\":\"\\u0009\\u001f\"}");
	sends("\xc3\xa4|\xf0\x9f\x94\x91=\xe2\x82\xac",
	      "{\"command\":\"\xc3\xa4\",\"\xf0\x9f\x94\x91\":\"\xe2\x82\xac\"}");
}

/* The longest request line, and one that is a byte longer. */
static void sends_the_longest_request(void **state)
{
	static char words[2 * REQUEST_MAX];
	const size_t around = strlen("{\"command\":\"a\",\"b\":\"\"}");
	struct options o;

	(void)state;
	answer = "{\"status\":\"ok\"}";
	strcpy(words, "a|b=");
	memset(words + 4, 'x', REQUEST_MAX - around);
	o = options_of(words);
	assert_int_equal(run(&o), 0);
	assert_int_equal(strlen(sent), REQUEST_MAX);
	assert_string_equal(sent + REQUEST_MAX - 3, "x\"}");
	for (size_t more = REQUEST_MAX - around; more < REQUEST_MAX + 4; more++) {
		words[4 + more] = 'x';
		o = options_of(words);
		assert_int_equal(run(&o), 1);
		assert_string_equal(sent, "");
		assert_non_null(strstr(logged, "request_too_long"));
		assert_int_equal(out_n[false], 0);
	}
}

#define OK "{\"status\":\"ok\""
#define ERROR "{\"status\":\"error\",\"message\":\"Uh \\\"oh\\\"\",\"error\":\"x\"}"

/* The whole reply is printed, and the exit code says whether it is a success. */
static void prints_the_whole_reply(void **state)
{
	static const struct {
		const char *reply;
		int status;
	} cases[] = {
		{OK "}", 0},
		{" { \"status\" : \"ok\" } ", 0},
		{"{\"a\":[\"b\"],\"status\":\"ok\"}", 0},
		{"{\"st\\u0061tus\":\"\\u006fk\"}", 0},
		{OK ",\"a\":{\"status\":\"error\"}}", 0},
		{ERROR, 1},
		{"", 1},
		{"ok", 1},
		{"{}", 1},
		{"{\"status\":\"OK\"}", 1},
		{"{\"status\":null}", 1},
		{"{\"status\":[\"ok\"]}", 1},
		{"{\"status\":{\"status\":\"ok\"}}", 1},
		{"{\"a\":{\"status\":\"ok\"}}", 1},
		{"{\"a\":[\"status\",\"ok\"]}", 1},
		{OK ",\"status\":\"ok\"}", 1}, /* not valid JSON, or not what json.c accepts: */
		{OK ",\"a\":[[]]}", 1},
		{OK "}}", 1},
		{OK, 1},
		{OK ",\"a\":\"\xff\"}", 1},
	};
	struct options o = options_of("getEK");
	char line[256];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		answer = cases[i].reply;
		snprintf(line, sizeof line, "%s\n", answer);
		assert_int_equal(run(&o), cases[i].status);
		assert_string_equal(out[false], line);
		assert_string_equal(out[true], "");
	}
}

#define NONE(name) "attestd: the reply has no member " name "\n"

static void prints_one_member(void **state)
{
	static const struct {
		const char *reply, *member;
		int status;
		const char *output, *error;
	} cases[] = {
		{OK "}", "status", 0, "ok\n", ""},
		{OK ",\"a\":\"\"}", "a", 0, "\n", ""},
		{OK ",\"a\":null}", "a", 0, "\n", ""},
		{OK ",\"a\":true,\"b\":-1.5e3}", "a", 0, "true\n", ""},
		{OK ",\"a\":true,\"b\":-1.5e3}", "b", 0, "-1.5e3\n", ""},
		{OK ",\"a\" : false }", "a", 0, "false\n", ""},
		{OK ",\"a\":\"\\\"\\\\\\n\\u00e4\\ud83d\\udd11\"}", "a", 0,
		 "\"\\\n\xc3\xa4\xf0\x9f\x94\x91\n", ""},
		{OK ",\"\\u0061\xc3\xa4\":\"x\"}", "a\xc3\xa4", 0, "x\n", ""},
		{OK ",\"c\":[\"AA==\",\"\\u0042\",\"\"],\"d\":\"x\"}", "c", 0, "AA==\nB\n\n", ""},
		{OK ",\"c\":[1,null,true]}", "c", 0, "1\n\ntrue\n", ""},
		{"{\"c\":[1,2],\"status\":\"ok\"}", "c", 0, "1\n2\n", ""},
		{OK ",\"c\":[]}", "c", 0, "", ""},
		{OK ",\"v\":{\"0\":\"AA==\",\"\\u0031\\u0030\":\"B\\n\"}}", "v", 0,
		 "0 AA==\n10 B\n\n", ""},
		{"{\"v\":{\"\":1},\"status\":\"ok\"}", "v", 0, " 1\n", ""},
		{OK ",\"v\":{\"a\":null},\"w\":{\"b\":2}}", "v", 0, "a \n", ""},
		{OK ",\"v\":{\"a\":1},\"w\":{\"b\":2}}", "w", 0, "b 2\n", ""},
		{OK ",\"v\":{}}", "v", 0, "", ""},
		/* only members of the top level are found */
		{OK ",\"v\":{\"0\":\"x\"}}", "0", 1, "", NONE("0")},
		{OK ",\"c\":[\"x\"]}", "x", 1, "", NONE("x")},
		{OK ",\"v\":{\"a\":\"x\"},\"a\":\"y\"}", "a", 0, "y\n", ""},
		{OK ",\"ab\":1}", "a", 1, "", NONE("a")},
		{OK ",\"ab\":1}", "abc", 1, "", NONE("abc")},
		{OK "}", "ok", 1, "", NONE("ok")},
		/* members that only errors have */
		{ERROR, "status", 1, "error\n", ""},
		{ERROR, "error", 1, "x\n", ""},
		{ERROR, "message", 1, "Uh \"oh\"\n", ""},
		{ERROR, "ek_cert", 1, "", ERROR "\n"},
		{"{\"status\":\"error\",\"uptime_s\":7}", "uptime_s", 1, "7\n", ""},
		{"no JSON", "status", 1, "", "no JSON\n"},
		{OK ",\"a\":[[]]}", "a", 1, "", OK ",\"a\":[[]]}\n"},
		{"{\"a\":1}", "a", 1, "1\n", ""},
		{"{\"a\":1}", "status", 1, "", "{\"a\":1}\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct options o = options_of("getEK");

		o.member = cases[i].member;
		answer = cases[i].reply;
		assert_int_equal(run(&o), cases[i].status);
		assert_string_equal(out[false], cases[i].output);
		assert_string_equal(out[true], cases[i].error);
	}
}

/* The fullest replies, and a member's name that is longer than any reply. */
static void reads_the_longest_replies(void **state)
{
	static char reply[TX_MAX + 1], name[TX_MAX + 100];
	struct options o = options_of("getEK");
	const char head[] = OK ",\"c\":[\"";
	size_t n = strlen(head);

	(void)state;
	memset(reply, 'A', TX_MAX);
	memcpy(reply, head, n);
	memcpy(reply + TX_MAX - 3, "\"]}", 3);
	answer = reply;
	assert_int_equal(run(&o), 0);
	assert_int_equal(out_n[false], TX_MAX + 1);
	o.member = "c";
	assert_int_equal(run(&o), 0);
	assert_int_equal(out_n[false], TX_MAX - n - 3 + 1);
	memset(name, 'n', sizeof name - 1);
	o.member = name;
	assert_int_equal(run(&o), 1);
	assert_int_equal(out_n[false], 0);
	assert_non_null(strstr(out[true], "the reply has no member"));
}

static void reports_failures(void **state)
{
	struct options o = options_of("getEK");

	(void)state;
	answer = OK ",\"a\":\"x\"}";
	for (int member = 0; member < 3; member++) {
		o.member = member == 0 ? NULL : member == 1 ? "a" : "b";
		print_error_ = -ERR_IO;
		assert_int_equal(run(&o), 1);
		print_error_ = 0;
		call_error = -ERR_IO;
		assert_int_equal(run(&o), 1);
		assert_int_equal(out_n[false] + out_n[true], 0);
		assert_non_null(strstr(logged, "call: io_error"));
		call_error = 0;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_requests),
		cmocka_unit_test(sends_the_longest_request),
		cmocka_unit_test(prints_the_whole_reply),
		cmocka_unit_test(prints_one_member),
		cmocka_unit_test(reports_failures),
		cmocka_unit_test(reads_the_longest_replies),
	};

	return cmocka_run_group_tests_name("call", tests, NULL, NULL);
}
