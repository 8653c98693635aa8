#include "unit.h"

#include "wire/reader.h"

static void reads_big_endian(void **state)
{
	const uint8_t bytes[] = {0x80, 0x12, 0xfe, 0x89, 0xab, 0xcd, 0xef, 0x55};
	struct reader r = reader_over(bytes, sizeof(bytes));
	const uint8_t *p;

	(void)state;
	assert_int_equal(reader_u8(&r), 0x80);
	assert_int_equal(reader_u16(&r), 0x12fe);
	assert_int_equal(reader_u32(&r), 0x89abcdef);
	assert_false(reader_done(&r));
	p = reader_bytes(&r, 1);
	assert_ptr_equal(p, bytes + 7);
	assert_true(reader_done(&r));
	assert_non_null(reader_bytes(&r, 0));
	assert_true(reader_done(&r));
}

/* Each kind of read, with too few bytes and with enough. */
static void stops_at_the_end(void **state)
{
	static const size_t widths[] = {1, 2, 4, 3, SIZE_MAX};
	uint8_t bytes[8];

	(void)state;
	memset(bytes, 0xff, sizeof(bytes));
	for (size_t k = 0; k < 5; k++) {
		for (size_t n = 0; n < 8; n++) {
			uint8_t *copy = exact(bytes, n);
			struct reader r = reader_over(copy, n);
			bool enough = n >= widths[k];
			const uint8_t *p = NULL;
			uint32_t v = 1;

			switch (k) {
			case 0:
				v = reader_u8(&r);
				assert_int_equal(v, enough ? 0xff : 0);
				break;
			case 1:
				v = reader_u16(&r);
				assert_int_equal(v, enough ? 0xffff : 0);
				break;
			case 2:
				v = reader_u32(&r);
				assert_int_equal(v, enough ? 0xffffffff : 0);
				break;
			default:
				p = reader_bytes(&r, widths[k]);
				assert_ptr_equal(p, enough ? copy : NULL);
			}
			assert_int_equal(r.failed, !enough);
			assert_int_equal(r.n, enough ? n - widths[k] : 0);
			assert_int_equal(reader_done(&r), enough && n == widths[k]);
			free(copy);
		}
	}
}

static void stays_failed(void **state)
{
	const uint8_t bytes[] = {1, 2, 3};
	struct reader r = reader_over(bytes, sizeof(bytes));
	size_t n = 9;

	(void)state;
	assert_int_equal(reader_u32(&r), 0);
	assert_int_equal(reader_u8(&r), 0);
	assert_int_equal(reader_u16(&r), 0);
	assert_null(reader_bytes(&r, 0));
	assert_null(reader_tpm2b(&r, &n));
	assert_int_equal(n, 0);
	assert_false(reader_done(&r));
}

static void tpm2b_whole_and_cut(void **state)
{
	const uint8_t bytes[] = {0, 3, 'a', 'b', 'c', 0, 0};
	size_t n;

	(void)state;
	for (size_t cut = 0; cut <= sizeof(bytes); cut++) {
		uint8_t *copy = exact(bytes, cut);
		struct reader r = reader_over(copy, cut);
		const uint8_t *p;

		n = 77;
		p = reader_tpm2b(&r, &n);
		if (cut < 5) {
			assert_null(p);
			assert_int_equal(n, 0);
			assert_true(r.failed);
		} else {
			assert_ptr_equal(p, copy + 2);
			assert_int_equal(n, 3);
			p = reader_tpm2b(&r, &n);
			assert_int_equal(n, 0);
			assert_int_equal(p != NULL, cut == 7);
			assert_int_equal(reader_done(&r), cut == 7);
		}
		free(copy);
	}
}

static void tpm2b_of_every_size(void **state)
{
	uint8_t *bytes = calloc(1, 2 + 65535);

	(void)state;
	assert_non_null(bytes);
	for (size_t size = 0; size < 65536; size += size < 600 ? 1 : 211) {
		struct reader r = reader_over(bytes, 2 + 65535);
		size_t n;

		bytes[0] = (uint8_t)(size >> 8);
		bytes[1] = (uint8_t)size;
		assert_ptr_equal(reader_tpm2b(&r, &n), bytes + 2);
		assert_int_equal(n, size);
		assert_int_equal(r.n, 65535 - size);
	}
	free(bytes);
}

static void reads_nothing_from_no_bytes(void **state)
{
	struct reader r = reader_over(NULL, 0);

	(void)state;
	assert_true(reader_done(&r));
	assert_null(reader_bytes(&r, 0));
	assert_true(reader_done(&r));
	assert_int_equal(reader_u8(&r), 0);
	assert_false(reader_done(&r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_big_endian),
		cmocka_unit_test(stops_at_the_end),
		cmocka_unit_test(stays_failed),
		cmocka_unit_test(tpm2b_whole_and_cut),
		cmocka_unit_test(tpm2b_of_every_size),
		cmocka_unit_test(reads_nothing_from_no_bytes),
	};

	return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
