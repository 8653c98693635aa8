#include "json_expect.h"

#include "wire/json_string.h"

/* Each code point, in UTF-8 and as an escape. */
static void every_character(void **state)
{
	(void)state;
	for (uint32_t c = 1; c < 0x110000; c += c < 0x11000 ? 1 : 97) {
		char raw[5] = {0};
		char text[64];
		char buf[16];
		struct json_object o;
		uint32_t v = c - 0x10000;
		int e;

		if (c < 0x80) {
			raw[0] = (char)c;
		} else if (c < 0x800) {
			raw[0] = (char)(0xc0 | c >> 6);
			raw[1] = (char)(0x80 | (c & 63));
		} else if (c < 0x10000) {
			raw[0] = (char)(0xe0 | c >> 12);
			raw[1] = (char)(0x80 | (c >> 6 & 63));
			raw[2] = (char)(0x80 | (c & 63));
		} else {
			raw[0] = (char)(0xf0 | c >> 18);
			raw[1] = (char)(0x80 | (c >> 12 & 63));
			raw[2] = (char)(0x80 | (c >> 6 & 63));
			raw[3] = (char)(0x80 | (c & 63));
		}
		if (c < 0x10000) {
			snprintf(text, sizeof(text), "{\"\\u%04x\":0}", c);
		} else {
			snprintf(text, sizeof(text), "{\"\\u%04X\\u%04X\":0}", 0xd800 + (v >> 10),
				 0xdc00 + (v & 0x3ff));
		}
		e = json_parse((const uint8_t *)text, strlen(text), &o);
		if (c >= 0xd800 && c <= 0xdfff) {
			assert_int_equal(e, -ERR_JSON);
			snprintf(text, sizeof(text), "{\"%s\":0}", raw);
			expect(text, -ERR_UTF8);
			continue;
		}
		assert_int_equal(e, 0);
		assert_int_equal(json_unescape(o.members[0].key, buf), strlen(raw));
		assert_memory_equal(buf, raw, strlen(raw));
		assert_true(c == '\\' || json_equal(o.members[0].key, raw));
	}
}

static void unescapes(void **state)
{
	static const char text[] =
		"{\"k\":\"\\\"\\\\\\/\\b\\f\\n\\r\\ta\\u0062\xc3\xa4\\u00e4\\ud83d\\ude00z\"}";
	static const char want[] = "\"\\/\b\f\n\r\tab\xc3\xa4\xc3\xa4\xf0\x9f\x98\x80z";
	struct json_object o;
	char *buf;
	size_t n;

	(void)state;
	assert_int_equal(json_parse((const uint8_t *)text, strlen(text), &o), 0);
	buf = malloc(o.members[0].value.n);
	n = json_unescape(o.members[0].value, buf);
	assert_int_equal(n, strlen(want));
	assert_memory_equal(buf, want, n);
	free(buf);
}

/* In the text's own buffer: at the slice's place, and before it. */
static void unescapes_in_place(void **state)
{
	static const char text[] = "{\"k\":\"\\ud83d\\ude00\\u20ac\xc3\xa4\\n.\",\"l\":-1}";
	static const char want[] = "\xf0\x9f\x98\x80\xe2\x82\xac\xc3\xa4\n.";
	struct json_object o;
	char copy[sizeof text];

	(void)state;
	for (size_t before = 0; before <= 6; before++) {
		char *to;

		memcpy(copy, text, sizeof text);
		assert_int_equal(json_parse((const uint8_t *)copy, sizeof text - 1, &o), 0);
		to = copy + (o.members[0].value.p - copy) - before;
		assert_int_equal(json_unescape(o.members[0].value, to), strlen(want));
		assert_memory_equal(to, want, strlen(want));
		assert_int_equal(json_unescape(o.members[1].value, copy), 2);
		assert_memory_equal(copy, "-1", 2);
	}
}

static void equality(void **state)
{
	static const char text[] = "{\"command\":0,\"\\u0063omm\\u0061nd\\u0073\":0,\"\":0}";
	struct json_object o;

	(void)state;
	assert_int_equal(json_parse((const uint8_t *)text, strlen(text), &o), 0);
	assert_true(json_equal(o.members[0].key, "command"));
	assert_false(json_equal(o.members[0].key, "commands"));
	assert_false(json_equal(o.members[0].key, "comman"));
	assert_false(json_equal(o.members[0].key, "Command"));
	assert_false(json_equal(o.members[0].key, ""));
	assert_true(json_equal(o.members[1].key, "commands"));
	assert_false(json_equal(o.members[1].key, "command"));
	assert_true(json_equal(o.members[2].key, ""));
	assert_false(json_equal(o.members[2].key, "a"));
}

static void duplicates(void **state)
{
	static const char *const same[] = {
		"{\"a\":1,\"a\":1}",
		"{\"a\":1,\"b\":1,\"a\":2}",
		"{\"\":1,\"\":1}",
		"{\"x\":1,\"a\":1,\"b\":1,\"a\":1}",
		"{\"a\":1,\"\\u0061\":1}",
		"{\"\\u00e4\":1,\"\xc3\xa4\":1}",
		"{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":1}",
		"{\"/\":1,\"\\/\":1}",
		"{\"\\n\":1,\"\\u000A\":1}",
		"{\"\\\\\":1,\"\\u005c\":1}",
		"{\"a\":1,\"b\":1,\"c\":1,\"c\":1}",
		"{\"\\u20ac\":1,\"\xe2\x82\xac\":1}",
	};
	static const char *const different[] = {
		"{\"a\":1,\"ab\":1,\"b\":1}", "{\"ab\":1,\"a\":1}",
		"{\"a\":1,\"A\":1}",          "{\"\":1,\"a\":1}",
		"{\"\\\\n\":1,\"\\n\":1}",    "{\"\\u00e4\":1,\"a\xcc\x88\":1}",
		"{\"n\":1,\"\\n\":1}",        "{\"\\ud83d\\ude00\":1,\"\\ud83d\\ude01\":1}",
	};

	(void)state;
	EXPECT_ALL(same, -ERR_DUPLICATE);
	EXPECT_ALL(different, 0);
}

/* Only what JSON requires is escaped: not DEL, and no character beyond ASCII. */
static void puts_strings(void **state)
{
	static const char *const texts[][2] = {
		{"", "\"\""},
		{"quote", "\"quote\""},
		{"\"\\/", "\"\\\"\\\\/\""},
		{"\x01\b\t\n\x0f", "\"\\u0001\\u0008\\u0009\\u000a\\u000f\""},
		{"\x10\x19\x1a\x1f ", "\"\\u0010\\u0019\\u001a\\u001f \""},
		{"\x7f\xc3\xa4\xf0\x9f\x94\x91", "\"\x7f\xc3\xa4\xf0\x9f\x94\x91\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *want = texts[i][1];

		/* With more room than needed, with just enough, and with less, where it is cut. */
		for (size_t cap = 0; cap <= strlen(want) + 1; cap++) {
			char *buf = (char *)exact("########################################", cap);
			struct text t = text_in(buf, cap);

			json_string_put(&t, texts[i][0], strlen(texts[i][0]));
			assert_int_equal(t.cut, cap < strlen(want));
			assert_true(t.len <= cap);
			if (!t.cut) {
				assert_int_equal(t.len, strlen(want));
				assert_memory_equal(buf, want, t.len);
				assert_true(cap == t.len || buf[t.len] == '#');
			}
			free(buf);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_character),    cmocka_unit_test(unescapes),
		cmocka_unit_test(unescapes_in_place), cmocka_unit_test(equality),
		cmocka_unit_test(duplicates),         cmocka_unit_test(puts_strings),
	};

	return cmocka_run_group_tests_name("json_string", tests, NULL, NULL);
}
