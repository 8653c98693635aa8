/*
 * What the fuzz targets share. A target is one function. The fuzzer calls it with the
 * input's bytes, in a block of exactly their size.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* MUST(property): a property that does not hold is a finding, like a crash. */
#define MUST(property)                                                                             \
	do {                                                                                       \
		if (!(property)) {                                                                 \
			fprintf(stderr, "%s:%d: property does not hold: %s\n", __FILE__, __LINE__, \
				#property);                                                        \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* A copy of the n bytes at p, or n zeros if p is NULL, in a block of exactly that size. The
 * caller frees it. */
static inline void *exact(const void *p, size_t n)
{
	void *copy = calloc(1, n);

	MUST(copy != NULL || n == 0);
	if (p != NULL && n > 0) {
		memcpy(copy, p, n);
	}
	return copy;
}

static inline bool all_zero(const void *p, size_t n)
{
	const uint8_t *bytes = p;

	for (size_t i = 0; i < n; i++) {
		if (bytes[i] != 0) {
			return false;
		}
	}
	return true;
}

static inline bool same_bytes(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

/* Do the n bytes at p lie in the `size` bytes at data? */
static inline bool inside(const void *p, size_t n, const void *data, size_t size)
{
	uintptr_t at = (uintptr_t)p, start = (uintptr_t)data;

	return at >= start && at - start <= size && n <= size - (at - start);
}

static inline bool is_error(int e)
{
	return e < 0 && e > -(int)ERR_COUNT;
}

/* The input is read from its start. Behind its end, numbers are 0 and byte strings are empty. */
struct input {
	const uint8_t *p;
	size_t n;
};

static inline uint8_t input_u8(struct input *in)
{
	if (in->n == 0) {
		return 0;
	}
	in->n--;
	return *in->p++;
}

/* A byte string behind its size (two bytes, big-endian); shorter if the input ends before. */
static inline struct input input_bytes(struct input *in)
{
	size_t n = (size_t)input_u8(in) << 8;
	struct input bytes;

	n |= input_u8(in);
	bytes = (struct input){.p = in->p, .n = n < in->n ? n : in->n};
	in->p += bytes.n;
	in->n -= bytes.n;
	return bytes;
}

#endif
