/*
 * For all unit tests: exact copies, hexadecimal, the public vectors.
 */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A copy in a block of exactly n bytes, so that a sanitiser reports each access beyond it. */
static inline uint8_t *exact(const void *p, size_t n)
{
	uint8_t *copy = malloc(n);

	assert_non_null(copy);
	if (n > 0) {
		memcpy(copy, p, n);
	}
	return copy;
}

/* The bytes of a hexadecimal text. The caller frees them. */
static inline uint8_t *unhex(const char *hex, size_t *n)
{
	uint8_t *p = malloc(strlen(hex) / 2 + 1);

	assert_non_null(p);
	*n = strlen(hex) / 2;
	for (size_t i = 0; i < *n; i++) {
		unsigned byte;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		p[i] = (uint8_t)byte;
	}
	return p;
}

/*
 * Calls try_parse with exact copies of: the first 0 to n bytes; all n bytes with one
 * byte changed, each byte to each of its 256 values. The callback's n is smaller only
 * for a truncation.
 */
static inline void sweep(const uint8_t *p, size_t n,
			 void (*try_parse)(const uint8_t *p, size_t n, void *arg), void *arg)
{
	for (size_t cut = 0; cut <= n; cut++) {
		uint8_t *copy = exact(p, cut);

		try_parse(copy, cut, arg);
		free(copy);
	}
	for (size_t i = 0; i < n; i++) {
		uint8_t *copy = exact(p, n);

		for (unsigned value = 0; value < 256; value++) {
			copy[i] = (uint8_t)value;
			try_parse(copy, n, arg);
		}
		free(copy);
	}
}

/*
 * A file of the public vectors (shared/vectors/README.md); the caller frees it. Skips
 * the test if the folder is not there.
 */
static inline uint8_t *vector(const char *name, size_t *n)
{
	const char *dir = getenv("ATTESTD_VECTORS");
	uint8_t *p = malloc(65536);
	char path[512];
	FILE *f;

	assert_non_null(p);
	if (dir == NULL) {
		dir = "../shared/vectors";
	}
	if (access(dir, R_OK) != 0) {
		free(p);
		skip();
	}
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "rb");
	assert_non_null(f);
	*n = fread(p, 1, 65536, f);
	fclose(f);
	return p;
}

#endif
