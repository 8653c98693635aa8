#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/wipe.h"
#include "bounds.h"
#include "tpm/heap.h"

/*
 * The array consists of blocks without gaps between them: a header, and `size` bytes. The
 * first block that is large enough is taken; ESAPI has about twenty blocks at a time.
 */
struct block {
	alignas(16) size_t size; /* a multiple of the header's */
	bool used;
};

static alignas(16) uint8_t heap[HEAP_MAX];

static struct block *block_at(size_t offset)
{
	return (struct block *)(void *)(heap + offset);
}

static size_t next_block(size_t offset)
{
	return offset + sizeof(struct block) + block_at(offset)->size;
}

/* Makes one block of this one and the free ones after it. Free bytes are zero. */
static void merge(size_t offset)
{
	struct block *b = block_at(offset);
	size_t next = next_block(offset);

	while (next < HEAP_MAX && !block_at(next)->used) {
		size_t whole = next_block(next) - next;

		wipe(block_at(next), sizeof *b);
		b->size += whole;
		next = next_block(offset);
	}
}

/* Shortens the block to n bytes, and makes a free block of the rest if it is large enough. */
static void split(size_t offset, size_t n)
{
	struct block *b = block_at(offset);
	struct block *rest;

	if (b->size - n < sizeof *rest) {
		return;
	}
	rest = block_at(offset + sizeof *b + n);
	rest->size = b->size - n - sizeof *rest;
	rest->used = false;
	b->size = n;
}

void *heap_malloc(size_t n)
{
	if (n > HEAP_MAX) {
		return NULL;
	}
	n = (n / sizeof(struct block) + 1) * sizeof(struct block);
	if (block_at(0)->size == 0) { /* the first call: one free block */
		block_at(0)->size = HEAP_MAX - sizeof(struct block);
	}
	for (size_t at = 0; at < HEAP_MAX; at = next_block(at)) {
		if (block_at(at)->used) {
			continue;
		}
		merge(at);
		if (block_at(at)->size >= n) {
			split(at, n);
			block_at(at)->used = true;
			return block_at(at) + 1;
		}
	}
	return NULL;
}

void *heap_calloc(size_t count, size_t n)
{
	if (n != 0 && count > SIZE_MAX / n) {
		return NULL;
	}
	/* Free bytes are zero: never used, or wiped. */
	return heap_malloc(count * n);
}

void heap_free(void *p)
{
	struct block *b;

	if (p == NULL) {
		return;
	}
	b = (struct block *)p - 1;
	assert(b->used);
	wipe(p, b->size);
	b->used = false;
}

size_t heap_used(void)
{
	size_t used = 0;

	for (size_t at = 0; block_at(0)->size != 0 && at < HEAP_MAX; at = next_block(at)) {
		used += block_at(at)->used ? next_block(at) - at : 0;
	}
	return used;
}
