/*
 * Checks that a JSON text gives a certain error.
 */
#ifndef TESTS_JSON_EXPECT_H
#define TESTS_JSON_EXPECT_H

#include "unit.h"

#include "err.h"
#include "wire/json.h"

/* Parses a copy of the text in a block of exactly its size, which is freed before this returns. */
static inline int parse_with(int (*parse)(const uint8_t *p, size_t n, struct json_object *out),
			     const char *s, size_t n, struct json_object *out)
{
	uint8_t *copy = exact(s, n);
	int e;

	out->count = 77;
	e = parse(copy, n, out);
	if (e != 0) {
		assert_int_equal(out->count, 0);
	}
	free(copy);
	return e;
}

static inline int parse_n(const char *s, size_t n, struct json_object *out)
{
	return parse_with(json_parse, s, n, out);
}

static inline void expect(const char *s, int e)
{
	struct json_object o;
	int got = parse_n(s, strlen(s), &o);

	if (got != e) {
		print_error("%s: got %s, expected %s\n", s, err_name(got), err_name(e));
	}
	assert_int_equal(got, e);
}

static inline void expect_all(const char *const *texts, size_t n, int e)
{
	for (size_t i = 0; i < n; i++) {
		expect(texts[i], e);
	}
}
#define EXPECT_ALL(texts, e) expect_all(texts, sizeof(texts) / sizeof((texts)[0]), e)

#endif
