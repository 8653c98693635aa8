#include "wire/line_framer.h"

#include <string.h>

#include "bounds.h"

/* The length of the first line with its "\n", or 0 if it has none. */
static size_t length_to_line_end(const uint8_t *p, size_t n)
{
	const uint8_t *end = n == 0 ? NULL : memchr(p, '\n', n);

	return end == NULL ? 0 : (size_t)(end - p) + 1;
}

struct line line_framer_next(struct line_framer *framer, const uint8_t *p, size_t n, bool ended)
{
	struct line line = {.kind = LINE_PARTIAL};
	size_t length = length_to_line_end(p, n);

	if (framer->skipping) {
		framer->skipping = length == 0;
		line.consumed = framer->skipping ? n : length;
		p = n == 0 ? p : p + line.consumed;
		n -= line.consumed;
		length = length_to_line_end(p, n);
	}
	if (length == 0 && (n == 0 || (!ended && n < RX_MAX))) {
		line.kind = n == 0 && ended ? LINE_NONE : LINE_PARTIAL;
		return line;
	}
	line.last = length == 0 && ended;
	line.start = line.consumed;
	line.len = length == 0 ? n : length - 1;
	line.consumed += length == 0 ? n : length;
	if (line.len > 0 && p[line.len - 1] == '\r') {
		line.len--;
	}
	if (line.len > REQUEST_MAX) {
		framer->skipping = length == 0 && !ended;
		line.kind = LINE_TOO_LONG;
		line.start = line.len = 0;
	} else {
		line.kind = LINE_WHOLE;
	}
	return line;
}
