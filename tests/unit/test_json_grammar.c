/* src/wire/json.c: which texts are valid JSON. */
#include "json_expect.h"

static void accepts_json(void **state)
{
	static const char *const texts[] = {
		"{}",
		" { } ",
		"\r\n\t {\r\n\t }\r\n\t ",
		"{\"a\":1}",
		"{\"a\":0}",
		"{\"a\":-0}",
		"{\"a\":0.0}",
		"{\"a\":10}",
		"{\"a\":1e5}",
		"{\"a\":1E-05}",
		"{\"a\":-12.50e+00}",
		"{\"a\":\"\"}",
		"{\"\":\"\"}",
		"{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0001\"}",
		"{\"a\":\"{}[]:,\"}",
		"{\"a{}[]:,\":\"\"}",
		"{\"a\":\"\x7f\"}",
		/* the first and last character of each UTF-8 length, and beside the surrogates */
		"{\"a\":\"\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xef\xbf\xbf \xf0\x90\x80\x80 "
		"\xf4\x8f\xbf\xbf\"}",
		"{\"a\":\"\xed\x9f\xbf \xee\x80\x80\"}",
		"{\"\xc3\xa4\":1}",
		"{\"a\":\"\\ud83d\\ude00\"}",
		"{\"a\":\"\\uD800\\uDC00 \\uDBFF\\uDFFF\"}",
		"{\"a\":\"\\ud7ff\\ue000\"}",
		"{\"a\":\"\\\\u0000\"}",
		"{\"a\":\"\\\\ud800\"}",
		"{\"a\":1,\"A\":1,\"aa\":1}",
	};

	(void)state;
	EXPECT_ALL(texts, 0);
}

static void refuses_other_texts(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"{",
		"}",
		"[]",
		"[1]",
		"\"a\"",
		"1",
		"true",
		"null",
		"\"a\":1",
		"\xef\xbb\xbf{}",
		"x{}",
		",{}",
		":{}",
		"{{}}",
		"{[]}",
		"{,}",
		"{:}",
		/* jsmn accepts these */
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":,}",
		"{:1}",
		"{\"a\":::\"b\"}",
		"{\"a\":\"b\",}",
		"{,\"a\":1}",
		"{\"a\":1,,\"b\":2}",
		"{\"a\" \"b\"}",
		"{\"a\",\"b\"}",
		"{\"a\":1 \"b\":2}",
		"{\"a\":1:2}",
		"{\"a\":\"b\":\"c\"}",
		"{\"a\":\"b\" \"c\"}",
		"{\"a\":1 2}",
		"{\"a\":truefoo}",
		"{\"a\":nul}",
		"{\"a\":tru\\u0065}",
		"{\"a\":falsey}",
		"{\"a\":nulll}",
		"{\"a\":True}",
		"{\"a\"::1}",
		"{\"a\"\"b\":1}",
		/* keys that are not strings */
		"{a:1}",
		"{1:1}",
		"{true:1}",
		"{null:null}",
		"{'a':1}",
		/* numbers */
		"{\"a\":01}",
		"{\"a\":-}",
		"{\"a\":+1}",
		"{\"a\":.5}",
		"{\"a\":1.}",
		"{\"a\":1.e5}",
		"{\"a\":1e}",
		"{\"a\":1e+}",
		"{\"a\":1e5.5}",
		"{\"a\":0x10}",
		"{\"a\":-01}",
		"{\"a\":--1}",
		"{\"a\":1-}",
		"{\"a\":00}",
		"{\"a\":1a}",
		"{\"a\":-a}",
		"{\"a\":0.1.2}",
		"{\"a\":NaN}",
		"{\"a\":-Infinity}",
		/* strings */
		"{\"a\":\"}",
		"{\"a:1}",
		"{\"a\":\"\\x\"}",
		"{\"a\":\"\\\"}",
		"{\"a\":\"\\u12\"}",
		"{\"a\":\"\\u123g\"}",
		"{\"a\":\"\\u 123\"}",
		"{\"a\":\"\\U0041\"}",
		"{\"a\":\"\\'\"}",
		"{\"a\":\"\x01\"}",
		"{\"a\":\"\n\"}",
		"{\"a\":\"\x1f\"}",
		"{\"a\":\"\t\"}",
		"{\"\t\":1}",
		"{\"a\\u\":1}",
		"{\"a\":\"\\u00\x1f\"}",
		"{\"a\":\"x\x01\"}",
		"{\"a\":\"xy\x01\"}",
		"{\"a\":\"\\n\x01\"}",
		"{\"a\":\"\\nx\x01\"}",
		"{\"a\":\"\\u0041\x01\"}",
		"{\"a\":\"\\ud83d\\ude00\x01\"}",
		/* halves of surrogate pairs */
		"{\"a\":\"x\\ud800\"}",
		"{\"a\":\"xy\\ud800\"}",
		"{\"a\":\"\\n\\ud800\"}",
		"{\"a\":\"\\\\\\ud800\"}",
		"{\"a\":\"\\u0041\\ud800\"}",
		"{\"a\":\"\\ud83d\\ude00\\ude00\"}",
		"{\"a\":\"\\udc00\\udc00\"}",
		"{\"a\":\"\\ud800\"}",
		"{\"a\":\"\\udc00\"}",
		"{\"a\":\"\\udfff\"}",
		"{\"a\":\"\\udbff\"}",
		"{\"a\":\"\\ud800\\ud800\"}",
		"{\"a\":\"\\udc00\\ud800\"}",
		"{\"a\":\"\\ud800x\"}",
		"{\"a\":\"\\ud800xudc00\"}",
		"{\"a\":\"\\ud800\\ndc00\"}",
		"{\"a\":\"\\ud800\\u0041\"}",
		"{\"a\":\"\\ud800\\ue000\"}",
		"{\"\\ud800\":1}",
		"{\"a\":\"\\ud800\\udbff\"}",
		"{\"a\":\"\\ud800\\\\udc00\"}",
		/* white space that JSON does not have */
		"{\v}",
		"{\f}",
		"{\xc2\xa0}",
		"\f{}",
		"{\"a\":\v1}",
		"/**/{}",
		"{/**/}",
		"{\"a\":1]",
		"{\"a\":1",
		"{\"a\":1,",
		"{\"a\":1,\"b\"",
		"{\"a\"",
		"{\"a\":",
		"{\"a\":t",
		"{\"a\":\"b\"",
	};

	(void)state;
	EXPECT_ALL(texts, -ERR_JSON);
}

static void refuses_bytes_behind(void **state)
{
	static const char *const texts[] = {
		"{}{}",
		"{} {}",
		"{}}",
		"{}]",
		"{},",
		"{}x",
		"{}:",
		"{}1 ",
		"{}\"",
		"{}\"a\"",
		"{} null",
		"{\"a\":1}{\"a\":1}",
		"{\"a\":1}}",
		"{\"a\":1} [",
		"{}\v",
		"{}\xc2\xa0",
		"{}\xef\xbb\xbf",
		"{\"a\":1,\"a\":2}x",
	};

	(void)state;
	EXPECT_ALL(texts, -ERR_TRAILING);
}

static void refuses_nested_values(void **state)
{
	static const char *const texts[] = {
		"{\"a\":{}}",
		"{\"a\":[]}",
		"{\"a\":[1,2]}",
		"{\"a\":{\"b\":1}}",
		"{\"a\":1,\"b\":[",
		"{\"a\":{",
		"{\"a\": [[[[[[[[[[[[",
		"{\"a\":[],\"b\":@",
		"{\"a\":[}",
		"{\"a\":{]}",
		"{\"a\":{\"b\":{\"c\":{}}}}x",
		"{\"a\":1,\"a\":{}}",
		"{\"a\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,"
		"1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}",
	};

	(void)state;
	EXPECT_ALL(texts, -ERR_NESTING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_json),
		cmocka_unit_test(refuses_other_texts),
		cmocka_unit_test(refuses_bytes_behind),
		cmocka_unit_test(refuses_nested_values),
	};

	return cmocka_run_group_tests_name("json: grammar", tests, NULL, NULL);
}
