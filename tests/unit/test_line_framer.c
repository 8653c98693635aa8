/* src/wire/line_framer.c: bytes go in as they arrive, lines come out. */
#include "unit.h"

#include "bounds.h"
#include "wire/line_framer.h"

/* ---- a stream and what has arrived of it ------------------------------- */

static struct line_framer framer;
static uint8_t received[RX_MAX];
static size_t received_len;
static struct line found;

static int start(void **state)
{
	(void)state;
	framer = (struct line_framer){0};
	received_len = 0;
	return 0;
}

static void receive(const void *bytes, size_t n)
{
	assert_true(n <= sizeof received - received_len);
	memcpy(received + received_len, bytes, n);
	received_len += n;
}

static void receive_text(const char *text)
{
	receive(text, strlen(text));
}

/* n times the letter x. */
static void receive_long(size_t n)
{
	assert_true(n <= sizeof received - received_len);
	memset(received + received_len, 'x', n);
	received_len += n;
}

/* Looks at a copy in a block of just its size, and drops what is consumed. On return
 * the line's bytes are in `line`. */
static uint8_t line[RX_MAX];

static void next(bool ended)
{
	uint8_t *copy = exact(received, received_len);

	found = line_framer_next(&framer, copy, received_len, ended);
	assert_true(found.consumed <= received_len);
	assert_true(found.start <= found.consumed && found.len <= found.consumed - found.start);
	if (found.len > 0) {
		memcpy(line, copy + found.start, found.len);
	}
	free(copy);
	received_len -= found.consumed;
	memmove(received, received + found.consumed, received_len);
}

static void expect_kind(bool ended, int kind, bool last)
{
	next(ended);
	assert_int_equal(found.kind, kind);
	assert_int_equal(found.last, last);
	if (kind != LINE_WHOLE) {
		assert_int_equal(found.start, 0);
		assert_int_equal(found.len, 0);
	}
}

static void expect_partial(void)
{
	expect_kind(false, LINE_PARTIAL, false);
	assert_true(received_len < RX_MAX);
}

static void expect_none(void)
{
	expect_kind(true, LINE_NONE, false);
	assert_int_equal(received_len, 0);
}

static void expect_bytes(bool ended, const void *bytes, size_t n, bool last)
{
	expect_kind(ended, LINE_WHOLE, last);
	assert_int_equal(found.len, n);
	assert_memory_equal(line, bytes, n);
}

static void expect_line(const char *text)
{
	expect_bytes(false, text, strlen(text), false);
}

static void expect_last_line(const char *text)
{
	expect_bytes(true, text, strlen(text), true);
}

/* ---- lines ------------------------------------------------------------- */

static void one_line(void **state)
{
	(void)state;
	receive_text("abc\n");
	expect_line("abc");
	expect_partial();
	assert_int_equal(received_len, 0);
	expect_none();
}

static void a_line_in_pieces(void **state)
{
	(void)state;
	expect_partial();
	receive_text("a");
	expect_partial();
	receive_text("bc");
	expect_partial();
	assert_int_equal(found.consumed, 0);
	receive_text("\nd");
	expect_line("abc");
	expect_partial();
	assert_int_equal(received_len, 1);
}

static void carriage_returns(void **state)
{
	(void)state;
	receive_text("abc\r\n");
	expect_line("abc");
	receive_text("de");
	expect_partial();
	receive_text("\r");
	expect_partial();
	receive_text("\n");
	expect_line("de");
	/* Only the one before the line end belongs to it. */
	receive_text("\rf\rg\r\r\n\r\n\rh\n");
	expect_line("\rf\rg\r");
	expect_line("");
	expect_line("\rh");
	expect_none();
}

static void empty_lines(void **state)
{
	(void)state;
	receive_text("\n\r\n\n");
	expect_line("");
	assert_int_equal(found.consumed, 1);
	expect_line("");
	assert_int_equal(found.consumed, 2);
	expect_line("");
	expect_partial();
	expect_none();
}

static void several_lines_at_once(void **state)
{
	(void)state;
	receive_text("a\nbc\r\n\nd");
	expect_line("a");
	expect_line("bc");
	expect_line("");
	expect_partial();
	receive_text("e\n");
	expect_line("de");
	expect_partial();
}

static void nul_bytes(void **state)
{
	static const uint8_t bytes[] = {0, 'a', 0, 0, '\n', 0, '\r', '\n', 0};

	(void)state;
	receive(bytes, sizeof bytes);
	expect_bytes(false, bytes, 4, false);
	expect_bytes(false, "\0", 1, false);
	expect_partial();
	expect_bytes(true, "\0", 1, true);
	expect_none();
}

/* ---- the end of the input ---------------------------------------------- */

static void ends_without_a_line(void **state)
{
	(void)state;
	expect_none();
	expect_none();
}

static void ends_with_a_line_end(void **state)
{
	(void)state;
	receive_text("a\nb\n");
	expect_bytes(true, "a", 1, false);
	expect_bytes(true, "b", 1, false);
	expect_none();
}

static void ends_inside_a_line(void **state)
{
	(void)state;
	receive_text("a\nb");
	expect_bytes(true, "a", 1, false);
	expect_last_line("b");
	expect_none();
	receive_text("c\r");
	expect_last_line("c");
	receive_text("\r");
	expect_last_line("");
	expect_none();
}

/* ---- long lines -------------------------------------------------------- */

static void expect_longest(bool ended, bool last)
{
	expect_kind(ended, LINE_WHOLE, last);
	assert_int_equal(found.len, REQUEST_MAX);
	for (size_t i = 0; i < REQUEST_MAX; i++) {
		assert_int_equal(line[i], 'x');
	}
	assert_int_equal(received_len, 0);
}

static void longest_line(void **state)
{
	(void)state;
	receive_long(REQUEST_MAX);
	receive_text("\n");
	expect_longest(false, false);
	receive_long(REQUEST_MAX);
	receive_text("\r\n");
	expect_longest(false, false);
	receive_long(REQUEST_MAX);
	expect_partial();
	receive_text("\r");
	expect_partial();
	receive_text("\n");
	expect_longest(false, false);
	receive_long(REQUEST_MAX);
	expect_partial();
	expect_longest(true, true);
	receive_long(REQUEST_MAX);
	receive_text("\r");
	expect_longest(true, true);
}

/* By one byte, with its line end in sight: the next line follows at once. */
static void too_long_with_a_line_end(void **state)
{
	(void)state;
	receive_long(REQUEST_MAX + 1);
	expect_partial();
	receive_text("\n");
	expect_kind(false, LINE_TOO_LONG, false);
	assert_false(framer.skipping);
	assert_int_equal(received_len, 0);
	receive_text("a\n");
	expect_line("a");
	receive_long(REQUEST_MAX);
	receive_text("\r\r");
	expect_kind(false, LINE_TOO_LONG, false);
	receive_text("\n");
	expect_partial();
	assert_false(framer.skipping);
}

static void too_long_at_the_end(void **state)
{
	(void)state;
	receive_long(REQUEST_MAX + 1);
	expect_kind(true, LINE_TOO_LONG, true);
	assert_false(framer.skipping);
	expect_none();
	receive_long(RX_MAX);
	expect_kind(true, LINE_TOO_LONG, true);
	expect_none();
}

/* The rest of such a line comes in many pieces; it is reported once. */
static void rest_of_a_line_is_skipped(void **state)
{
	(void)state;
	receive_long(RX_MAX);
	expect_kind(false, LINE_TOO_LONG, false);
	assert_true(framer.skipping);
	assert_int_equal(received_len, 0);
	expect_partial();
	for (size_t n = 1; n <= RX_MAX; n = 2 * n + 1) {
		receive_long(n);
		expect_partial();
		assert_int_equal(received_len, 0);
	}
	receive_text("x\r");
	expect_partial();
	receive_text("x\nabc\r\nd");
	expect_line("abc");
	assert_false(framer.skipping);
	expect_partial();
	receive_text("\n");
	expect_line("d");
}

/* What is skipped takes no room from the line behind it. */
static void rest_and_a_partial_line(void **state)
{
	(void)state;
	receive_long(RX_MAX);
	expect_kind(false, LINE_TOO_LONG, false);
	receive_text("x\n");
	receive_long(REQUEST_MAX);
	expect_partial();
	assert_int_equal(received_len, REQUEST_MAX);
	receive_text("\n");
	expect_longest(false, false);
}

static void ends_while_skipping(void **state)
{
	(void)state;
	receive_long(RX_MAX);
	expect_kind(false, LINE_TOO_LONG, false);
	expect_none();
	receive_long(100);
	expect_none();
	receive_text("x\n");
	expect_none();
	start(NULL);
	receive_long(RX_MAX);
	expect_kind(false, LINE_TOO_LONG, false);
	receive_text("x\ny");
	expect_last_line("y");
}

#define TEST(name) cmocka_unit_test_setup(name, start)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_line),
		TEST(a_line_in_pieces),
		TEST(carriage_returns),
		TEST(empty_lines),
		TEST(several_lines_at_once),
		TEST(nul_bytes),
		TEST(ends_without_a_line),
		TEST(ends_with_a_line_end),
		TEST(ends_inside_a_line),
		TEST(longest_line),
		TEST(too_long_with_a_line_end),
		TEST(too_long_at_the_end),
		TEST(rest_of_a_line_is_skipped),
		TEST(rest_and_a_partial_line),
		TEST(ends_while_skipping),
	};

	return cmocka_run_group_tests_name("line_framer", tests, NULL, NULL);
}
