/*
 * src/wire/line_framer.c: the lines do not depend on how the stream is cut into reads,
 * and they are those that a simple splitter finds.
 */
#include "fuzz.h"

#include "bounds.h"
#include "wire/line_framer.h"

#define STREAM_MAX (4 * RX_MAX)
#define LINES_MAX (STREAM_MAX + 1)

/* The lines found in a stream: how many, and a hash of them in order. */
struct lines {
	struct {
		uint32_t hash, len;
		bool too_long;
	} line[LINES_MAX];
	size_t count;
};

static void add(struct lines *lines, const uint8_t *p, size_t n, bool too_long)
{
	uint32_t hash = 2166136261; /* FNV-1a */

	MUST(lines->count < LINES_MAX);
	for (size_t i = 0; i < n; i++) {
		hash = (hash ^ p[i]) * 16777619;
	}
	lines->line[lines->count].hash = too_long ? 0 : hash;
	lines->line[lines->count].len = too_long ? 0 : (uint32_t)n;
	lines->line[lines->count].too_long = too_long;
	lines->count++;
}

static void require_same(const struct lines *a, const struct lines *b)
{
	MUST(a->count == b->count);
	for (size_t i = 0; i < a->count; i++) {
		MUST(a->line[i].len == b->line[i].len && a->line[i].hash == b->line[i].hash);
		MUST(a->line[i].too_long == b->line[i].too_long);
	}
}

/* Splits the complete stream at each "\\n"; its end also ends a line. */
static void split_plainly(const uint8_t *p, size_t n, struct lines *lines)
{
	lines->count = 0;
	while (n > 0) {
		size_t len = 0, used;

		while (len < n && p[len] != '\n') {
			len++;
		}
		used = len < n ? len + 1 : n;
		if (len > 0 && p[len - 1] == '\r') {
			len--;
		}
		add(lines, p, len, len > REQUEST_MAX);
		p += used;
		n -= used;
	}
}

/* Calls the framer on a block of exactly the size of what has arrived. */
static struct line next(struct line_framer *framer, const uint8_t *p, size_t n, bool ended,
			struct lines *lines)
{
	uint8_t *copy = exact(p, n);
	struct line line = line_framer_next(framer, copy, n, ended);

	MUST(line.consumed <= n);
	MUST(line.start <= line.consumed && line.len <= line.consumed - line.start);
	MUST(line.kind == LINE_WHOLE ? line.len <= REQUEST_MAX : line.start + line.len == 0);
	if (line.kind == LINE_WHOLE || line.kind == LINE_TOO_LONG) {
		MUST(line.consumed > 0);
		MUST(line.last == (ended && copy[line.consumed - 1] != '\n'));
		MUST(!line.last || line.consumed == n);
		add(lines, copy + line.start, line.len, line.kind == LINE_TOO_LONG);
	} else {
		MUST(!line.last);
		MUST(line.kind == LINE_PARTIAL || (ended && line.consumed == n));
	}
	free(copy);
	return line;
}

/*
 * Splits the same stream in reads whose sizes come from `sizes`; each fits into what is
 * free of RX_MAX. `late`: the end of the stream is only seen after the last read, not
 * with it.
 */
static void split_in_pieces(const uint8_t *p, size_t n, struct input sizes, bool late,
			    struct lines *lines)
{
	struct line_framer framer = {0};
	size_t at = 0, arrived = 0;
	bool ended = false;

	lines->count = 0;
	for (;;) {
		struct line line = next(&framer, p + at, arrived - at, ended, lines);
		size_t room, size;

		at += line.consumed;
		if (line.kind == LINE_NONE) {
			break;
		}
		if (line.kind != LINE_PARTIAL) {
			continue;
		}
		MUST(!ended && arrived - at < RX_MAX);
		room = RX_MAX - (arrived - at);
		size = (size_t)input_u8(&sizes) << 8;
		size |= input_u8(&sizes);
		size = size == 0 || size > room ? room : size;
		ended = late ? arrived == n : size >= n - arrived;
		arrived += size < n - arrived ? size : n - arrived;
	}
	MUST(at == n);
}

/*
 * Makes the stream from the input. A byte of 0xe0 or more becomes a run of letters
 * about as long as the longest line, so that the fuzzer reaches the limits with few
 * bytes.
 */
static size_t make_stream(struct input in, uint8_t *stream)
{
	size_t n = 0;

	while (in.n > 0 && n < STREAM_MAX - RX_MAX - 16) {
		uint8_t byte = input_u8(&in);

		if (byte < 0xe0) {
			stream[n++] = byte;
		} else {
			size_t run = REQUEST_MAX - 16 + (byte - 0xe0U);

			memset(stream + n, 'x', run);
			n += run;
		}
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct lines plain, pieces;
	static uint8_t stream[STREAM_MAX];
	struct input in = {data, size};
	struct input sizes = input_bytes(&in);
	size_t n = make_stream(in, stream);

	split_plainly(stream, n, &plain);
	split_in_pieces(stream, n, sizes, false, &pieces);
	require_same(&plain, &pieces);
	split_in_pieces(stream, n, sizes, true, &pieces);
	require_same(&plain, &pieces);
	split_in_pieces(stream, n, (struct input){NULL, 0}, true, &pieces);
	require_same(&plain, &pieces);
	return 0;
}
