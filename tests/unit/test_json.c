/* src/wire/json.c: the members that it finds, limits, and bytes that are not allowed. */
#include "json_expect.h"

static bool slice_is(struct json_slice s, const char *text)
{
	return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

static void members_in_order(void **state)
{
	static const char text[] =
		" {\t\"a\" :\r\n\"x\\/y\",\"b\":-1.5e+3 , \"\":true,\"d\":false\n,"
		"\"e\" : null,\"f\":\"\",\"g\":0}\r\n ";
	static const struct {
		const char *key;
		const char *value;
		enum json_kind kind;
	} want[] = {
		{"a", "x\\/y", JSON_STRING}, {"b", "-1.5e+3", JSON_NUMBER}, {"", "true", JSON_TRUE},
		{"d", "false", JSON_FALSE},  {"e", "null", JSON_NULL},      {"f", "", JSON_STRING},
		{"g", "0", JSON_NUMBER},
	};
	struct json_object o;

	(void)state;
	assert_int_equal(json_parse((const uint8_t *)text, strlen(text), &o), 0);
	assert_int_equal(o.count, 7);
	for (size_t i = 0; i < 7; i++) {
		assert_true(slice_is(o.members[i].key, want[i].key));
		assert_true(slice_is(o.members[i].value, want[i].value));
		assert_int_equal(o.members[i].kind, want[i].kind);
	}
}

static void nul_bytes(void **state)
{
	static const char text[] = "{\"a\":\"b\"}";
	static const char *const escaped[] = {
		"{\"a\":\"\\u0000\"}",        "{\"\\u0000\":1}",         "{\"a\":\"\\\\\\u0000\"}",
		"{\"a\":\"\\u0000",           "{\"a\":\"\\u0000\xff\"}", "{\"a\":[\"\\u0000\"]}",
		"{\"a\":\"\\u0041\\u0000\"}",
	};
	struct json_object o;

	(void)state;
	/* inserted at each place, and in the place of each byte */
	for (size_t i = 0; i <= strlen(text); i++) {
		char s[sizeof(text) + 1];

		memcpy(s, text, i);
		s[i] = '\0';
		memcpy(s + i + 1, text + i, strlen(text) - i);
		assert_int_equal(parse_n(s, strlen(text) + 1, &o), -ERR_NUL);
		memcpy(s, text, sizeof(text));
		s[i] = '\0';
		if (i < strlen(text)) {
			assert_int_equal(parse_n(s, strlen(text), &o), -ERR_NUL);
		}
	}
	assert_int_equal(parse_n("\\\0", 2, &o), -ERR_NUL);
	assert_int_equal(parse_n("{\"a\":\"\xff\"}\0", 10, &o), -ERR_NUL);
	EXPECT_ALL(escaped, -ERR_NUL);
}

static void bad_utf8(void **state)
{
	static const char *const bad[] = {
		"\x80",
		"\xbf",
		"\xc0\x80",
		"\xc1\xbf",
		"\xc2",
		"\xc2\x41",
		"\xc2\xc2",
		"\xdf\x7f",
		"\xe0\x80\x80",
		"\xe0\x9f\xbf",
		"\xe1\x80",
		"\xe1\x80\x41",
		"\xe1\x41\x80",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xf0\x80\x80\x80",
		"\xf0\x8f\xbf\xbf",
		"\xf1\x80\x80",
		"\xf1\x80\x80\xc0",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xf8\x88\x80\x80\x80",
		"\xbf\xbf",
		"\x9f\xbf",
		"\xf8\x90\x80\x80",
		"\xfc\x90\x80\x80",
		"\xff\x90\x80\x80",
		"\xfe",
		"\xff",
		"\xed\xa0\xbd\xed\xb8\x80",
	};
	char s[64];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(s, sizeof(s), "{\"a\":\"%s\"}", bad[i]);
		expect(s, -ERR_UTF8);
		snprintf(s, sizeof(s), "{\"%s\":1}", bad[i]);
		expect(s, -ERR_UTF8);
		/* outside the object, at its end, and before other errors */
		snprintf(s, sizeof(s), "{}%s", bad[i]);
		expect(s, -ERR_UTF8);
		snprintf(s, sizeof(s), "{\"a\":[\"%s\"", bad[i]);
		expect(s, -ERR_UTF8);
	}
}

/* An object of n members, and the text that follows it. */
static size_t make_members(char *s, size_t cap, int n, const char *last)
{
	size_t len = 0;

	s[len++] = '{';
	for (int i = 0; i < n; i++) {
		len += (size_t)snprintf(s + len, cap - len, "%s\"k%d\":%d", i > 0 ? "," : "", i, i);
	}
	len += (size_t)snprintf(s + len, cap - len, "%s", last);
	return len;
}

static void refuses_too_many_members(void **state)
{
	static const struct {
		int members;
		const char *last;
		int e;
	} cases[] = {
		{MEMBERS_MAX, "}", 0},
		{MEMBERS_MAX, "} x", -ERR_TRAILING},
		{MEMBERS_MAX, "}{\"a\":1,\"b\":1,\"c\":1}", -ERR_TRAILING},
		{MEMBERS_MAX, "", -ERR_JSON},
		{MEMBERS_MAX, ",}", -ERR_JSON},
		{MEMBERS_MAX, ",1:1}", -ERR_JSON},
		{MEMBERS_MAX, ",\"x\"", -ERR_MEMBERS},
		{MEMBERS_MAX, ",\"k0\":1}", -ERR_MEMBERS},
		{MEMBERS_MAX + 1, "}", -ERR_MEMBERS},
		{MEMBERS_MAX + 1, "", -ERR_MEMBERS},
		{MEMBERS_MAX * 3, "}", -ERR_MEMBERS},
		{MEMBERS_MAX - 1, ",\"k0\":1}", -ERR_DUPLICATE},
		{MEMBERS_MAX - 1, ",\"x\":[1,2,3]}", -ERR_NESTING},
		{MEMBERS_MAX - 1, ",\"k30\":1}", -ERR_DUPLICATE},
	};
	char s[4096];
	struct json_object o;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = make_members(s, sizeof(s), cases[i].members, cases[i].last);

		assert_int_equal(parse_n(s, n, &o), cases[i].e);
		assert_int_equal(o.count, cases[i].e == 0 ? MEMBERS_MAX : 0);
	}
}

static const char sample[] = "{\"a\\u0041\":\"\\ud83d\\ude00\xc3\xa4\\/\",\"b\":-1.5e3 ,"
			     "\"c\":null,\"d\":true}";

/* All slices of an accepted text point into it, and can be unescaped. */
static void parse_damaged(const uint8_t *p, size_t n, void *arg)
{
	struct json_object o;
	int e = json_parse(p, n, &o);
	char buf[128];

	(void)arg;
	if (n < strlen(sample)) {
		assert_int_not_equal(e, 0);
	}
	if (e != 0) {
		assert_true(e == -ERR_JSON || e == -ERR_NUL || e == -ERR_UTF8 ||
			    e == -ERR_NESTING || e == -ERR_TRAILING || e == -ERR_DUPLICATE);
		assert_int_equal(o.count, 0);
		return;
	}
	assert_in_range(o.count, 1, 4);
	for (size_t i = 0; i < o.count; i++) {
		const struct json_member *m = &o.members[i];

		assert_true(m->key.p > (const char *)p && m->value.p > m->key.p + m->key.n);
		assert_true(m->value.p + m->value.n < (const char *)p + n);
		assert_true(json_unescape(m->key, buf) <= m->key.n);
		assert_true(json_unescape(m->value, buf) <= m->value.n);
	}
}

static void damaged(void **state)
{
	(void)state;
	expect(sample, 0);
	sweep((const uint8_t *)sample, strlen(sample), parse_damaged, NULL);
}

/* The longest request: of one string, or of backslashes, keys or brackets only. */
static void longest_request(void **state)
{
	char *s = malloc(REQUEST_MAX);
	struct json_object o;
	size_t n;

	(void)state;
	memset(s, 'x', REQUEST_MAX);
	memcpy(s, "{\"a\":\"", 6);
	memcpy(s + REQUEST_MAX - 2, "\"}", 2);
	assert_int_equal(parse_n(s, REQUEST_MAX, &o), 0);
	assert_int_equal(o.members[0].value.n, REQUEST_MAX - 8);
	memset(s + 6, '\\', REQUEST_MAX - 8);
	assert_int_equal(parse_n(s, REQUEST_MAX, &o), 0);
	assert_int_equal(parse_n(s, REQUEST_MAX - 1, &o), -ERR_JSON);
	memset(s, '[', REQUEST_MAX);
	assert_int_equal(parse_n(s, REQUEST_MAX, &o), -ERR_JSON);
	memset(s, '{', REQUEST_MAX);
	assert_int_equal(parse_n(s, REQUEST_MAX, &o), -ERR_JSON);
	memset(s, ':', REQUEST_MAX);
	assert_int_equal(parse_n(s, REQUEST_MAX, &o), -ERR_JSON);
	memset(s, ' ', REQUEST_MAX);
	memcpy(s + REQUEST_MAX - 2, "{}", 2);
	assert_int_equal(parse_n(s, REQUEST_MAX, &o), 0);
	/* 32 keys that differ in their last character only */
	n = 0;
	for (int i = 0; i < MEMBERS_MAX; i++) {
		s[n++] = i == 0 ? '{' : ',';
		s[n++] = '"';
		memset(s + n, 'k', 480);
		n += 480;
		s[n++] = (char)('0' + i);
		memcpy(s + n, "\":1", 3);
		n += 3;
	}
	s[n++] = '}';
	assert_int_equal(parse_n(s, n, &o), 0);
	s[2 + 480 + 31 * 486] = '0';
	assert_int_equal(parse_n(s, n, &o), -ERR_DUPLICATE);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_in_order), cmocka_unit_test(nul_bytes),
		cmocka_unit_test(bad_utf8),         cmocka_unit_test(refuses_too_many_members),
		cmocka_unit_test(damaged),          cmocka_unit_test(longest_request),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
