#include "unit.h"

#include "base/wipe.h"

static void wipes_only_its_bytes(void **state)
{
	uint8_t buf[64];

	(void)state;
	for (size_t from = 0; from < 4; from++) {
		for (size_t n = 0; n + from <= sizeof(buf); n++) {
			memset(buf, 0xa5, sizeof(buf));
			wipe(buf + from, n);
			for (size_t i = 0; i < sizeof(buf); i++) {
				assert_int_equal(buf[i], i >= from && i < from + n ? 0 : 0xa5);
			}
		}
	}
	wipe(NULL, 0);
}

#define PATTERN 0x5ec2e75ec2e75ec2ULL
#define DEEP (16 * 1024)

/* Leaves a pattern on the stack, as a function that works on a secret would. */
static __attribute__((noinline, no_sanitize_address)) void leave_secret(void)
{
	volatile uint64_t secret[DEEP / 8];

	for (size_t i = 0; i < DEEP / 8; i++) {
		secret[i] = PATTERN;
	}
	__asm__ volatile("" : : "r"(secret) : "memory");
}

/* How many words of the pattern a function of the same depth still finds. */
static __attribute__((noinline, no_sanitize_address, no_sanitize_undefined)) size_t
find_secret(void)
{
	volatile uint64_t found[DEEP / 8];
	size_t count = 0;

	__asm__ volatile("" : : "r"(found) : "memory");
	for (size_t i = 0; i < DEEP / 8; i++) {
		count += found[i] == PATTERN;
	}
	return count;
}

static void wipes_the_stack_below(void **state)
{
	size_t before;
	size_t after;

	(void)state;
	leave_secret();
	before = find_secret();
	leave_secret();
	wipe_stack();
	after = find_secret();
#ifndef __SANITIZE_ADDRESS__
	/* AddressSanitizer may put the array of wipe_stack elsewhere. */
	assert_true(before > DEEP / 8 - 16);
	assert_int_equal(after, 0);
#else
	(void)before;
	(void)after;
#endif
}

static void compares_every_bit(void **state)
{
	uint8_t a[33];
	uint8_t b[33];

	(void)state;
	for (size_t i = 0; i < sizeof(a); i++) {
		a[i] = b[i] = (uint8_t)(i * 7);
	}
	assert_true(equal_ct(a, b, 0));
	assert_true(equal_ct(NULL, NULL, 0));
	for (size_t n = 1; n <= sizeof(a); n++) {
		assert_true(equal_ct(a, b, n));
	}
	for (size_t i = 0; i < sizeof(a); i++) {
		for (int bit = 0; bit < 8; bit++) {
			b[i] ^= (uint8_t)(1 << bit);
			assert_false(equal_ct(a, b, sizeof(a)));
			assert_true(equal_ct(a, b, i));
			b[i] ^= (uint8_t)(1 << bit);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wipes_only_its_bytes),
		cmocka_unit_test(wipes_the_stack_below),
		cmocka_unit_test(compares_every_bit),
	};

	return cmocka_run_group_tests_name("wipe", tests, NULL, NULL);
}
