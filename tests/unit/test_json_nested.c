/* src/wire/json.c: nested objects and arrays, as in replies. */
#include "json_expect.h"

static bool slice_is(struct json_slice s, const char *text)
{
	return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

static void nested_expect(const char *s, int e)
{
	struct json_object o;
	int got = parse_with(json_parse_nested, s, strlen(s), &o);

	if (got != e) {
		print_error("%s: %s, not %s\n", s, err_name(got), err_name(e));
	}
	assert_int_equal(got, e);
}

static void members_in_order(void **state)
{
	static const char text[] =
		" {\"s\":\"ok\" ,\"o\" : {\"0\":\"x\", \"10\" :null } ,\"e\":[ ],"
		"\"a\":[\"y\" ,true,-1], \"p\":{},\"0\":\"\"} ";
	static const struct {
		const char *key; /* NULL for an element of an array */
		const char *value;
		enum json_kind kind;
		unsigned inside;
	} want[] = {
		{"s", "ok", JSON_STRING, 0},  {"o", "{", JSON_NESTED, 0},
		{"0", "x", JSON_STRING, 2},   {"10", "null", JSON_NULL, 2},
		{"e", "[", JSON_NESTED, 0},   {"a", "[", JSON_NESTED, 0},
		{NULL, "y", JSON_STRING, 6},  {NULL, "true", JSON_TRUE, 6},
		{NULL, "-1", JSON_NUMBER, 6}, {"p", "{", JSON_NESTED, 0},
		{"0", "", JSON_STRING, 0},
	};
	struct json_object o;

	(void)state;
	assert_int_equal(json_parse_nested((const uint8_t *)text, strlen(text), &o), 0);
	assert_int_equal(o.count, sizeof want / sizeof *want);
	for (size_t i = 0; i < o.count; i++) {
		const struct json_member *m = &o.members[i];

		assert_true(want[i].key == NULL ? m->key.p == NULL && m->key.n == 0
						: slice_is(m->key, want[i].key));
		assert_true(slice_is(m->value, want[i].value));
		assert_int_equal(m->kind, want[i].kind);
		assert_int_equal(m->inside, want[i].inside);
	}
	expect(text, -ERR_NESTING);
}

static void finds_faults(void **state)
{
	static const struct {
		const char *text;
		int e;
	} cases[] = {
		{"{}", 0},
		{"{\"a\":[]}", 0},
		{"{\"a\":{}}", 0},
		{"{\"a\":[\"\",\"\",\"\"]}", 0},
		{"{\"a\":{\"a\":1},\"b\":{\"a\":1}}", 0},
		/* a second level is refused */
		{"{\"a\":[[]]}", -ERR_NESTING},
		{"{\"a\":[{}]}", -ERR_NESTING},
		{"{\"a\":{\"b\":{}}}", -ERR_NESTING},
		{"{\"a\":{\"b\":[]}}", -ERR_NESTING},
		{"{\"a\":[1,[", -ERR_NESTING},
		{"{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", -ERR_NESTING},
		/* brackets that do not match, or are missing */
		{"[]", -ERR_JSON},
		{"{\"a\":[}}", -ERR_JSON},
		{"{\"a\":{]}", -ERR_JSON},
		{"{\"a\":[1}}", -ERR_JSON},
		{"{\"a\":{\"b\":1]}", -ERR_JSON},
		{"{\"a\":[1]", -ERR_JSON},
		{"{\"a\":[1", -ERR_JSON},
		{"{\"a\":[", -ERR_JSON},
		{"{\"a\":{", -ERR_JSON},
		{"{\"a\":{}", -ERR_JSON},
		{"{\"a\":]}", -ERR_JSON},
		{"{\"a\":[1]]}", -ERR_JSON},
		{"{\"a\":[1],[2]}", -ERR_JSON},
		{"{\"a\":[1]}}", -ERR_TRAILING},
		{"{\"a\":[1]}]", -ERR_TRAILING},
		/* commas, colons and keys */
		{"{\"a\":[,]}", -ERR_JSON},
		{"{\"a\":[1,]}", -ERR_JSON},
		{"{\"a\":[,1]}", -ERR_JSON},
		{"{\"a\":[1 2]}", -ERR_JSON},
		{"{\"a\":[1,,2]}", -ERR_JSON},
		{"{\"a\":[\"b\":1]}", -ERR_JSON},
		{"{\"a\":[1:2]}", -ERR_JSON},
		{"{\"a\":{,}}", -ERR_JSON},
		{"{\"a\":{\"b\":1,}}", -ERR_JSON},
		{"{\"a\":{\"b\"}}", -ERR_JSON},
		{"{\"a\":{\"b\" 1}}", -ERR_JSON},
		{"{\"a\":{1:1}}", -ERR_JSON},
		{"{\"a\":{\"b\":1 \"c\":2}}", -ERR_JSON},
		{"{\"a\":[] \"b\":1}", -ERR_JSON},
		{"{\"a\":[],}", -ERR_JSON},
		{"{\"a\":[]:1}", -ERR_JSON},
		{"{[]}", -ERR_JSON},
		{"{[]:1}", -ERR_JSON},
		{"{{}:1}", -ERR_JSON},
		{"{\"a\"[1]}", -ERR_JSON},
		/* values and strings inside */
		{"{\"a\":[tru]}", -ERR_JSON},
		{"{\"a\":[01]}", -ERR_JSON},
		{"{\"a\":{\"b\":nul}}", -ERR_JSON},
		{"{\"a\":[\"\n\"]}", -ERR_JSON},
		{"{\"a\":{\"\n\":1}}", -ERR_JSON},
		{"{\"a\":[\"\\ud800\"]}", -ERR_JSON},
		{"{\"a\":{\"\\udc00\":1}}", -ERR_JSON},
		{"{\"\\udc00\":{}}", -ERR_JSON},
		{"{\"a\":[\"\\u0000\"]}", -ERR_NUL},
		{"{\"a\":[\"\xff\"]}", -ERR_UTF8},
		{"{\"a\":[]}x", -ERR_TRAILING},
		/* a key twice in the same object */
		{"{\"a\":{\"b\":1,\"b\":2}}", -ERR_DUPLICATE},
		{"{\"a\":{\"b\":1,\"\\u0062\":2}}", -ERR_DUPLICATE},
		{"{\"a\":[],\"a\":1}", -ERR_DUPLICATE},
		{"{\"a\":{\"a\":1},\"a\":2}", -ERR_DUPLICATE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		nested_expect(cases[i].text, cases[i].e);
	}
}

/* An object with one member, whose value has n members. */
static size_t make(char *s, bool array, int n)
{
	size_t len = (size_t)sprintf(s, "{\"m\":%c", array ? '[' : '{');

	for (int i = 0; i < n; i++) {
		len += (size_t)sprintf(s + len, array ? "%s\"v%d\"" : "%s\"k%d\":1",
				       i > 0 ? "," : "", i);
	}
	return len + (size_t)sprintf(s + len, "%c}", array ? ']' : '}');
}

static void refuses_too_many_items(void **state)
{
	char s[4096];
	struct json_object o;

	(void)state;
	for (int array = 0; array < 2; array++) {
		size_t n = make(s, array, ITEMS_MAX - 1);

		assert_int_equal(parse_with(json_parse_nested, s, n, &o), 0);
		assert_int_equal(o.count, ITEMS_MAX);
		for (int more = 0; more < 100; more++) {
			n = make(s, array, ITEMS_MAX + more);
			assert_int_equal(parse_with(json_parse_nested, s, n, &o), -ERR_MEMBERS);
		}
	}
}

static const char sample[] = "{\"a\":\"\\ud83d\\ude00\",\"o\":{\"b\":-1.5e3 ,\"c\":\"\\n\"},"
			     "\"l\":[\"x\",null]}";

/* All slices of an accepted text point into it, in order; each member is inside the right one. */
static void parse_damaged(const uint8_t *p, size_t n, void *arg)
{
	struct json_object o;
	int e = json_parse_nested(p, n, &o);
	const char *at = (const char *)p;

	(void)arg;
	if (n < strlen(sample)) {
		assert_int_not_equal(e, 0);
	}
	if (e != 0) {
		assert_int_equal(o.count, 0);
		return;
	}
	assert_in_range(o.count, 1, 7);
	for (size_t i = 0; i < o.count; i++) {
		const struct json_member *m = &o.members[i];

		if (m->key.p != NULL) {
			assert_true(m->key.p > at);
			at = m->key.p + m->key.n;
		}
		assert_true(m->value.p > at);
		at = m->value.p + m->value.n;
		assert_true(at < (const char *)p + n);
		assert_true(m->inside <= i);
		if (m->inside != 0) {
			assert_int_equal(o.members[m->inside - 1].kind, JSON_NESTED);
			assert_int_equal(m->key.p == NULL,
					 *o.members[m->inside - 1].value.p == '[');
		}
	}
}

static void damaged(void **state)
{
	(void)state;
	nested_expect(sample, 0);
	sweep((const uint8_t *)sample, strlen(sample), parse_damaged, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_in_order),
		cmocka_unit_test(finds_faults),
		cmocka_unit_test(refuses_too_many_items),
		cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests_name("json_nested", tests, NULL, NULL);
}
