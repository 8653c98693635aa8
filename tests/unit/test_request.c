#include "unit.h"

#include "err.h"
#include "wire/base64.h"
#include "wire/request.h"

/* Static, because it is too large for the stack with sanitizers. Each parse starts from garbage. */
static struct request rq;

/* The members that are taken unless a test says otherwise: all. */
#define ALL (FIELD_BIT(FIELD_COUNT) - 1)
static unsigned wanted = ALL;

/* A line of n bytes has left nothing in the store; beyond its n bytes the garbage is as it
 * was. */
static void is_wiped(size_t n)
{
	for (size_t i = 0; i < n && i < sizeof(rq.store); i++) {
		assert_true(rq.store[i] == 0 || rq.store[i] == 0xa5);
	}
}

static int parse_n(const char *s, size_t n)
{
	uint8_t *copy = exact(s, n);
	int e;

	memset(&rq, 0xa5, sizeof(rq));
	e = request_parse(copy, n, &rq);
	assert_non_null(memchr(rq.command, 0, sizeof(rq.command)));
	for (int i = 0; i < FIELD_COUNT; i++) {
		assert_null(rq.field[i].p);
	}
	if (e == 0) {
		e = request_take(&rq, wanted);
	}
	free(copy);
	if (e == 0) {
		assert_null(rq.culprit);
		return 0;
	}
	for (int i = 0; i < FIELD_COUNT; i++) {
		assert_null(rq.field[i].p);
		assert_int_equal(rq.field[i].n, 0);
	}
	is_wiped(n);
	return e;
}

static int parse(const char *s)
{
	return parse_n(s, strlen(s));
}

static void field_is(enum request_field f, const char *want)
{
	assert_non_null(rq.field[f].p);
	assert_true(rq.field[f].p >= rq.store);
	assert_true(rq.field[f].p + rq.field[f].n <= rq.store + sizeof(rq.store));
	assert_int_equal(rq.field[f].n, strlen(want));
	assert_memory_equal(rq.field[f].p, want, strlen(want));
}

static void commands(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"command\":\"getEK\"}"), 0);
	assert_string_equal(rq.command, "getEK");
	for (int i = 0; i < FIELD_COUNT; i++) {
		assert_null(rq.field[i].p);
		assert_int_equal(rq.field[i].n, 0);
	}
	assert_int_equal(parse("{\"\\u0063ommand\":\"\\u0067et\\u0045K\",\"x\":1}"), 0);
	assert_string_equal(rq.command, "getEK");
	assert_int_equal(parse("{}"), 0);
	assert_string_equal(rq.command, "");
	assert_int_equal(parse("{\"command\":null}"), 0);
	assert_string_equal(rq.command, "");
	assert_int_equal(parse("{\"command\":\"\"}"), 0);
	assert_string_equal(rq.command, "");
	assert_int_equal(parse("{\"Command\":\"getEK\"}"), 0);
	assert_string_equal(rq.command, "");
	/* 31 characters fit, 32 do not, counted after escapes are undone */
	assert_int_equal(parse("{\"command\":\"1234567890123456789012345678901\"}"), 0);
	assert_string_equal(rq.command, "1234567890123456789012345678901");
	assert_int_equal(parse("{\"command\":\"12345678901234567890123456789012\"}"), 0);
	assert_string_equal(rq.command, "");
	assert_int_equal(parse("{\"command\":\"12345678901234567890123456789\\u0041\\n\"}"), 0);
	assert_string_equal(rq.command, "12345678901234567890123456789A\n");
}

static void all_fields(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"enc\":\"Zm8\",\"hmac\":\"Zg==\",\"other\":\"***\",\"command\":"
			       "\"activateCredential\",\"encrypted_secret\":\"-_8=\","
			       "\"credential_blob\":\"Zm9v\\/\\u0059E=\"}"),
			 0);
	assert_string_equal(rq.command, "activateCredential");
	field_is(FIELD_ENC, "fo");
	field_is(FIELD_HMAC, "f");
	field_is(FIELD_ENCRYPTED_SECRET, "\xfb\xff");
	field_is(FIELD_CREDENTIAL_BLOB, "foo\xfd\x81");
}

#define BOM "\xef\xbb\xbf"

/* .NET's StreamWriter begins with it. It is part of the line's length. */
static void byte_order_mark(void **state)
{
	static char longest[REQUEST_MAX + 1];

	(void)state;
	assert_int_equal(parse(BOM "{\"command\":\"getEK\",\"enc\":\"Zm8=\"}"), 0);
	assert_string_equal(rq.command, "getEK");
	field_is(FIELD_ENC, "fo");
	assert_int_equal(parse(BOM " {\"command\":\"getEK\"}\r"), 0);
	assert_int_equal(parse(BOM "{\"enc\":\"*\"}"), -ERR_BASE64);
	/* it may be there once, complete, at the start */
	assert_int_equal(parse(BOM), -ERR_JSON);
	assert_int_equal(parse(BOM BOM "{}"), -ERR_JSON);
	assert_int_equal(parse(" " BOM "{}"), -ERR_JSON);
	assert_int_equal(parse("{" BOM "}"), -ERR_JSON);
	assert_int_equal(parse("{}" BOM), -ERR_TRAILING);
	assert_int_equal(parse("\xef\xbb{}"), -ERR_UTF8);
	assert_int_equal(parse("\xef"), -ERR_UTF8);
	assert_int_equal(parse("\xfe\xff{}"), -ERR_UTF8); /* the byte order mark of UTF-16 */
	memset(longest, ' ', sizeof(longest));
	memcpy(longest, BOM "{}", 5);
	assert_int_equal(parse_n(longest, REQUEST_MAX), 0);
	assert_int_equal(parse_n(longest, REQUEST_MAX + 1), -ERR_TOO_LONG);
}

/* White space in base64, as escapes and as spaces. */
static void white_space_in_base64(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"enc\":\" Z\\nm\\t8\\r\\n=\\u000a\",\"hmac\":\"\\n\"}"), 0);
	field_is(FIELD_ENC, "fo");
	field_is(FIELD_HMAC, "");
	assert_int_equal(parse("{\"enc\":\"Zm8=\\f\"}"), -ERR_BASE64);
	assert_int_equal(parse("{\"enc\":\"Zm8=\n\"}"), -ERR_JSON); /* a raw line end */
}

static void null_and_empty(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"enc\":null,\"hmac\":\"\",\"encrypted_secret\":\"Zg\"}"), 0);
	assert_null(rq.field[FIELD_ENC].p);
	assert_null(rq.field[FIELD_CREDENTIAL_BLOB].p);
	field_is(FIELD_HMAC, "");
	field_is(FIELD_ENCRYPTED_SECRET, "f");
}

static void wrong_types(void **state)
{
	static const char *const values[] = {"1", "true", "false", "-0.5"};
	char s[256];

	(void)state;
	for (size_t v = 0; v < 4; v++) {
		for (int i = 0; i < FIELD_COUNT; i++) {
			snprintf(s, sizeof(s), "{\"%s\":%s,\"command\":\"c\"}",
				 request_field_names[i], values[v]);
			assert_int_equal(parse(s), -ERR_TYPE);
			assert_ptr_equal(rq.culprit, request_field_names[i]);
			assert_string_equal(rq.command, "c");
		}
		snprintf(s, sizeof(s), "{\"hmac\":\"*\",\"command\":%s}", values[v]);
		assert_int_equal(parse(s), -ERR_TYPE);
		assert_string_equal(rq.culprit, "command");
		assert_string_equal(rq.command, "");
		snprintf(s, sizeof(s), "{\"unknown\":%s}", values[v]);
		assert_int_equal(parse(s), 0);
	}
}

/* The first members are base64. */
#define BINARY FIELD_AIK

static void wrong_base64(void **state)
{
	static const char *const values[] = {
		"*", "A", "Zg=", "Zh==", "Zm9vZ Z=", "\\u00e4", "Zg\\f"};
	char s[256];

	(void)state;
	for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
		for (int i = 0; i < BINARY; i++) {
			snprintf(s, sizeof(s), "{\"command\":\"c\",\"%s\":\"%s\",\"%s\":\"Zm9v\"}",
				 request_field_names[i], values[v],
				 request_field_names[(i + 1) % BINARY]);
			assert_int_equal(parse(s), -ERR_BASE64);
			assert_ptr_equal(rq.culprit, request_field_names[i]);
			assert_string_equal(rq.command, "c");
		}
	}
}

/* A text is as it was sent, with its escapes undone. Only the members asked for are taken. */
static void text_members(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"pcrs\":\"0-7,\\u0031\",\"aik\":\"*\",\"pcr_bank\":\"\","
			       "\"nonce\":\"Zm9v\"}"),
			 0);
	field_is(FIELD_PCRS, "0-7,1");
	field_is(FIELD_AIK, "*");
	field_is(FIELD_PCR_BANK, "");
	field_is(FIELD_NONCE, "foo");
}

static void decodes_only_wanted_members(void **state)
{
	const char *line = "{\"hmac\":\"*\",\"enc\":1,\"nonce\":\"Zm9v\",\"aik\":\"ecc\"}";

	(void)state;
	for (unsigned fields = 0; fields <= ALL; fields++) {
		bool bad = fields & (FIELD_BIT(FIELD_HMAC) | FIELD_BIT(FIELD_ENC));
		int e;

		wanted = fields;
		e = parse(line);
		assert_int_equal(e, fields & FIELD_BIT(FIELD_HMAC)  ? -ERR_BASE64
				    : fields & FIELD_BIT(FIELD_ENC) ? -ERR_TYPE
								    : 0);
		for (unsigned i = 0; i < FIELD_COUNT && !bad; i++) {
			bool there = fields & FIELD_BIT(i) && (i == FIELD_NONCE || i == FIELD_AIK);

			assert_int_equal(rq.field[i].p != NULL, there);
		}
	}
	wanted = ALL;
}

/* A request that was parsed is wiped too. */
static void wiped(void **state)
{
	const char *line = "{\"command\":\"a long command\",\"hmac\":\"Zm9vYmFy\",\"aik\":\"x\"}";

	(void)state;
	assert_int_equal(parse(line), 0);
	request_wipe(&rq);
	is_wiped(strlen(line));
	assert_null(rq.field[FIELD_HMAC].p);
}

static void not_an_object(void **state)
{
	(void)state;
	assert_int_equal(parse(""), -ERR_JSON);
	assert_int_equal(parse("{\"command\":\"getEK\""), -ERR_JSON);
	assert_string_equal(rq.command, "");
	assert_null(rq.culprit);
	assert_int_equal(parse("{\"command\":\"getEK\",\"command\":\"x\"}"), -ERR_DUPLICATE);
	assert_int_equal(parse("{\"command\":\"getEK\"}\n{}"), -ERR_TRAILING);
	assert_int_equal(parse("{\"command\":[\"getEK\"]}"), -ERR_NESTING);
	assert_int_equal(parse("{\"command\":\"\xff\"}"), -ERR_UTF8);
	assert_int_equal(parse("{\"command\":\"\\u0000\"}"), -ERR_NUL);
	assert_string_equal(rq.command, "");
	assert_int_equal(parse("{\"1\":0,\"2\":0,\"3\":0,\"4\":0,\"5\":0,\"6\":0,\"7\":0,\"8\":0,"
			       "\"9\":0,\"10\":0,\"11\":0,\"12\":0,\"13\":0,\"14\":0,\"15\":0,"
			       "\"16\":0,\"17\":0,\"18\":0,\"19\":0,\"20\":0,\"21\":0,\"22\":0,"
			       "\"23\":0,\"24\":0,\"25\":0,\"26\":0,\"27\":0,\"28\":0,\"29\":0,"
			       "\"30\":0,\"31\":0,\"32\":0,\"command\":\"getEK\"}"),
			 -ERR_MEMBERS);
}

static void longest_request(void **state)
{
	char *s = malloc(REQUEST_MAX + 1);
	const char *end = "\"}";
	const char *start = "{\"enc\":\"";
	size_t room = REQUEST_MAX - strlen(start) - strlen(end);

	(void)state;
	assert_non_null(s);
	memset(s, 'A', REQUEST_MAX + 1);
	memcpy(s, start, strlen(start));
	memcpy(s + REQUEST_MAX - strlen(end), end, strlen(end));
	assert_int_equal(parse_n(s, REQUEST_MAX), room % 4 == 1 ? -ERR_BASE64 : 0);
	assert_int_equal(rq.field[FIELD_ENC].n, room / 4 * 3 + (room % 4 == 3 ? 2 : room % 4 / 2));
	/* one space more */
	s[REQUEST_MAX] = ' ';
	assert_int_equal(parse_n(s, REQUEST_MAX + 1), -ERR_TOO_LONG);
	assert_string_equal(rq.command, "");
	assert_null(rq.culprit);
	/* one long string, and a short one behind it */
	memset(s, 'A', REQUEST_MAX);
	memcpy(s, "{\"hmac\":\"", 9);
	memcpy(s + REQUEST_MAX - 17, "A\",\"enc\":\"Zm9v\"}", 16);
	s[REQUEST_MAX - 1] = ' ';
	assert_int_equal(parse_n(s, REQUEST_MAX), 0);
	field_is(FIELD_ENC, "foo");
	assert_int_equal(rq.field[FIELD_HMAC].n, (REQUEST_MAX - 25) / 4 * 3 + 2);
	/* escapes, which take six characters each */
	memset(s, ' ', REQUEST_MAX);
	memcpy(s, "{\"command\":\"", 12);
	for (size_t i = 0; i < 2400; i++) {
		memcpy(s + 12 + 6 * i, "\\u20ac", 6);
	}
	memcpy(s + 12 + 6 * 2400, "\"}", 2);
	assert_int_equal(parse_n(s, REQUEST_MAX), 0);
	assert_string_equal(rq.command, "");
	free(s);
}

static const char sample[] = "{\"command\":\"c\\u0041\",\"hmac\":\"Zm9vYg==\",\"enc\":\"-\\/A\","
			     "\"x\":null,\"credential_blob\":\"\"}";

static void parse_damaged(const uint8_t *p, size_t n, void *arg)
{
	int e;

	(void)arg;
	memset(rq.command, 0xa5, sizeof(rq.command));
	e = request_parse(p, n, &rq);
	if (e == 0) {
		e = request_take(&rq, ALL);
	}
	assert_non_null(memchr(rq.command, 0, sizeof(rq.command)));
	if (n < strlen(sample)) {
		assert_int_equal(e, -ERR_JSON);
	}
	for (int i = 0; i < FIELD_COUNT; i++) {
		const struct request_bytes *f = &rq.field[i];

		if (e != 0) {
			assert_null(f->p);
		} else if (f->p != NULL) {
			assert_true(f->p >= rq.store && f->n <= strlen(sample));
		}
	}
	if (e == -ERR_TYPE || e == -ERR_BASE64) {
		assert_non_null(rq.culprit);
	} else {
		assert_null(rq.culprit);
	}
}

static void damaged(void **state)
{
	(void)state;
	assert_int_equal(parse(sample), 0);
	assert_string_equal(rq.command, "cA");
	field_is(FIELD_HMAC, "foob");
	field_is(FIELD_ENC, "\xfb\xf0");
	field_is(FIELD_CREDENTIAL_BLOB, "");
	sweep((const uint8_t *)sample, strlen(sample), parse_damaged, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands),        cmocka_unit_test(all_fields),
		cmocka_unit_test(byte_order_mark), cmocka_unit_test(white_space_in_base64),
		cmocka_unit_test(null_and_empty),  cmocka_unit_test(wrong_types),
		cmocka_unit_test(wrong_base64),    cmocka_unit_test(not_an_object),
		cmocka_unit_test(longest_request), cmocka_unit_test(damaged),
		cmocka_unit_test(text_members),    cmocka_unit_test(decodes_only_wanted_members),
		cmocka_unit_test(wiped),
	};

	return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
