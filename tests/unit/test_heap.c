/* src/tpm/heap.c: blocks do not overlap, are aligned, and are wiped when freed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bounds.h"
#include "tpm/heap.h"

static int is_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != 0) {
			return 0;
		}
	}
	return 1;
}

static void test_freed_blocks_are_wiped(void **state)
{
	uint8_t *p = heap_malloc(100);

	(void)state;
	assert_non_null(p);
	memset(p, 0x5a, 100);
	heap_free(p);
	assert_true(is_zero(p, 100));
	assert_int_equal(heap_used(), 0);
}

static void test_calloc_is_zero_after_any_history(void **state)
{
	uint8_t *p[8];
	uint8_t *all;

	(void)state;
	for (size_t round = 1; round < 200; round++) {
		for (size_t i = 0; i < 8; i++) {
			p[i] = heap_malloc(round * (i + 1) % 97);
			assert_non_null(p[i]);
			assert_int_equal((uintptr_t)p[i] % 16, 0);
			memset(p[i], 0xff, round * (i + 1) % 97);
		}
		for (size_t i = 0; i < 8; i++) {
			heap_free(p[i * 5 % 8]);
		}
		all = heap_calloc(8, 97);
		assert_true(is_zero(all, 8 * 97));
		heap_free(all);
	}
	assert_int_equal(heap_used(), 0);
}

static void test_blocks_do_not_overlap(void **state)
{
	uint8_t *p[64];

	(void)state;
	for (size_t i = 0; i < 64; i++) {
		p[i] = heap_malloc(i * 7);
		memset(p[i], (int)i, i * 7);
	}
	for (size_t i = 0; i < 64; i += 2) {
		heap_free(p[i]);
		p[i] = heap_malloc(i * 3);
		memset(p[i], (int)i, i * 3);
	}
	for (size_t i = 0; i < 64; i++) {
		for (size_t k = 0; k < i * (i % 2 == 0 ? 3 : 7); k++) {
			assert_int_equal(p[i][k], i);
		}
		heap_free(p[i]);
	}
	assert_int_equal(heap_used(), 0);
}

static void test_exhaustion_and_recovery(void **state)
{
	void *p[HEAP_MAX / 1024];
	size_t n = 0;

	(void)state;
	assert_null(heap_malloc(SIZE_MAX));
	assert_null(heap_malloc(HEAP_MAX));
	assert_null(heap_calloc(SIZE_MAX / 2, 3));
	while ((p[n] = heap_malloc(1024)) != NULL) {
		n++;
	}
	assert_in_range(n, 40, HEAP_MAX / 1024);
	while (n > 0) {
		heap_free(p[--n]);
	}
	heap_free(NULL);
	p[0] = heap_malloc(HEAP_MAX - 64); /* all of it is free again */
	assert_non_null(p[0]);
	heap_free(p[0]);
	assert_int_equal(heap_used(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_freed_blocks_are_wiped),
		cmocka_unit_test(test_calloc_is_zero_after_any_history),
		cmocka_unit_test(test_blocks_do_not_overlap),
		cmocka_unit_test(test_exhaustion_and_recovery),
	};

	return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
