/*
 * Builds the answers of fuzz_tpm.c's TPM.
 */
#ifndef TESTS_TPM_BYTES_H
#define TESTS_TPM_BYTES_H

#include "fuzz.h"

#include <tss2/tss2_mu.h>

#include "rsa_key.h"

#define HEADER 10
#define RESPONSE_CAP 8192
#define NAME_LEN 34

/* A buffer that bytes are appended to. Bytes that do not fit are dropped. */
struct bytes {
	uint8_t p[RESPONSE_CAP];
	size_t n;
};

static inline void put(struct bytes *b, const void *p, size_t n)
{
	if (n <= sizeof b->p - b->n) {
		memcpy(b->p + b->n, p, n);
		b->n += n;
	}
}

static inline void put_be(struct bytes *b, uint64_t v, size_t size)
{
	while (size-- > 0) {
		uint8_t byte = (uint8_t)(v >> 8 * size);

		put(b, &byte, 1);
	}
}

static inline void put_fill(struct bytes *b, uint8_t with, size_t n)
{
	while (n-- > 0) {
		put(b, &with, 1);
	}
}

static inline uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* A TPM2B of n bytes. */
static inline void put_tpm2b(struct bytes *b, const void *p, size_t n)
{
	put_be(b, n, 2);
	put(b, p, n);
}

/* A Name with SHA-256, whose digest is zero like all digests here. */
static inline void put_name(struct bytes *b)
{
	put_be(b, NAME_LEN, 2);
	put_be(b, TPM2_ALG_SHA256, 2);
	put_fill(b, 0, NAME_LEN - 2);
}

static inline void put_public(struct bytes *b, const TPM2B_PUBLIC *template)
{
	TPM2B_PUBLIC public = *template;

	if (public.publicArea.type == TPM2_ALG_RSA) {
		memcpy(public.publicArea.unique.rsa.buffer, rsa_modulus, sizeof rsa_modulus);
	}
	MUST(Tss2_MU_TPM2B_PUBLIC_Marshal(&public, b->p, sizeof b->p, &b->n) == TSS2_RC_SUCCESS);
}

#endif
