/*
 * Reads big-endian structures from a buffer, and checks every bound.
 */
#ifndef WIRE_READER_H
#define WIRE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is not read yet. After a read that failed it is empty, and `failed` is set. */
struct reader {
	const uint8_t *p;
	size_t n;
	bool failed;
};

/* A reader over n bytes, which MUST outlive it. p may be NULL if n = 0. */
struct reader reader_over(const uint8_t *p, size_t n);

/* The next integer, big-endian; 0 if there are too few bytes. */
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);

/* A pointer to the next n bytes in the buffer; NULL if there are too few. For a reader over
 * NULL it is NULL for 0 bytes too: reader_done tells the difference. */
const uint8_t *reader_bytes(struct reader *r, size_t n);

/* The contents of a TPM2B (a u16 size and that many bytes); NULL, and *n is 0, if there
 * are too few bytes. */
const uint8_t *reader_tpm2b(struct reader *r, size_t *n);

/* Has every read succeeded, and is nothing left over? */
bool reader_done(const struct reader *r);

#endif
