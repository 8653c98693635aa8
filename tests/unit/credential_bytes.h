/*
 * A credential in each form in which verifiers send it.
 */
#ifndef TESTS_CREDENTIAL_BYTES_H
#define TESTS_CREDENTIAL_BYTES_H

#include "unit.h"

#define HMAC_LEN 32
#define EK_LEN 256

/* The parts of a credential of 16 bytes, for an EK with SHA-256. */
static uint8_t hmac[HMAC_LEN];
static uint8_t enc[18];
static uint8_t secret[EK_LEN];

/* A buffer that bytes are appended to. */
struct bytes {
	uint8_t p[1024];
	size_t n;
};

static inline void add(struct bytes *b, const void *p, size_t n)
{
	memcpy(b->p + b->n, p, n);
	b->n += n;
}

static inline void add_u16(struct bytes *b, size_t v)
{
	uint8_t be[2] = {(uint8_t)(v >> 8), (uint8_t)v};

	add(b, be, 2);
}

static inline struct bytes contents(size_t hmac_len, size_t enc_len)
{
	static const uint8_t more[80];
	struct bytes b = {.n = 0};

	add_u16(&b, hmac_len);
	add(&b, hmac_len == HMAC_LEN ? hmac : more, hmac_len);
	add(&b, enc_len == sizeof(enc) ? enc : more, enc_len);
	return b;
}

static inline struct bytes tpm2b(struct bytes inner)
{
	struct bytes b = {.n = 0};

	add_u16(&b, inner.n);
	add(&b, inner.p, inner.n);
	return b;
}

static inline struct bytes file(struct bytes inner, size_t secret_len)
{
	static const uint8_t head[] = {0xba, 0xdc, 0xc0, 0xde, 0, 0, 0, 1};
	struct bytes b = {.n = 0};

	add(&b, head, sizeof(head));
	add_u16(&b, inner.n);
	add(&b, inner.p, inner.n);
	add_u16(&b, secret_len);
	add(&b, secret, secret_len);
	return b;
}

/* TPM2B_ID_OBJECT, and behind it TPM2B_ENCRYPTED_SECRET. */
static inline struct bytes pair(struct bytes inner, size_t secret_len)
{
	struct bytes b = tpm2b(inner);

	add_u16(&b, secret_len);
	add(&b, secret, secret_len);
	return b;
}

static inline int credential_setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < HMAC_LEN; i++) {
		hmac[i] = (uint8_t)(0x40 + i);
	}
	for (size_t i = 0; i < sizeof(enc); i++) {
		enc[i] = (uint8_t)(0xa0 + i);
	}
	for (size_t i = 0; i < sizeof(secret); i++) {
		secret[i] = (uint8_t)(i * 3 + 1);
	}
	return 0;
}

#endif
