/*
 * Reading big-endian structures from a buffer, with every bound checked.
 */
#ifndef WIRE_READER_H
#define WIRE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The unread rest. After a failed read it is empty and `failed` is set. */
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

/* The next n bytes, inside the buffer; NULL if there are too few. Of a reader
 * over NULL even 0 bytes are NULL: use reader_done to tell. */
const uint8_t *reader_bytes(struct reader *r, size_t n);

/* A TPM2B: a u16 size, and that many bytes; NULL and *n = 0 if too few. */
const uint8_t *reader_tpm2b(struct reader *r, size_t *n);

/* Has every read succeeded, and is nothing left over? */
bool reader_done(const struct reader *r);

#endif
