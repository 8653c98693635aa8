/*
 * Splits what a client sends into request lines: partial lines, line ends, lines
 * that are too long, the end of the input. It sees bytes only; the caller reads
 * them and keeps those that are not consumed.
 */
#ifndef WIRE_LINE_FRAMER_H
#define WIRE_LINE_FRAMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One for each stream. All zero at its start. */
struct line_framer {
	bool skipping; /* inside a line that was reported as too long */
};

struct line {
	enum {
		LINE_PARTIAL, /* not complete yet: call again with more bytes */
		LINE_WHOLE,
		LINE_TOO_LONG, /* more than REQUEST_MAX bytes; reported once for each line */
		LINE_NONE, /* the input has ended, and no line is left */
	} kind;
	/* LINE_WHOLE: where it starts in the given bytes, and its length without "\n" or
	 * "\r\n". Otherwise 0. */
	size_t start, len;
	/* How many of the given bytes are dealt with, whatever the kind: the caller drops
	 * them before the next call. */
	size_t consumed;
	/* LINE_WHOLE, LINE_TOO_LONG: the input ended without this line's "\n", so that
	 * it is the last one. */
	bool last;
};

/*
 * Finds the next line in the n bytes at p: all that has arrived and is not consumed.
 * p may be NULL if n is 0. `ended`: no more will come. A line is known to be
 * too long when RX_MAX bytes are there without a "\n"; so the caller needs room for
 * RX_MAX bytes, and after LINE_PARTIAL there is always room for one more.
 */
struct line line_framer_next(struct line_framer *framer, const uint8_t *p, size_t n, bool ended);

#endif
