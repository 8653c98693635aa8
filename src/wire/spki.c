#include "wire/spki.h"

#include <stdbool.h>
#include <string.h>

#include "err.h"

#define MODULUS_MAX 512

/* AlgorithmIdentifier: rsaEncryption (1.2.840.113549.1.1.1), NULL. */
static const uint8_t rsa_encryption[] = {
	0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
};

/* DER is written from its end to its start: so the length of the contents is known when
 * a header is written. */
struct der {
	uint8_t *buf;
	size_t start;
	size_t end;
	bool full;
};

static void put(struct der *d, const uint8_t *p, size_t n)
{
	if (d->full || n > d->start) {
		d->full = true;
		return;
	}
	d->start -= n;
	memcpy(d->buf + d->start, p, n);
}

static void put_byte(struct der *d, size_t byte)
{
	uint8_t b = (uint8_t)byte;

	put(d, &b, 1);
}

/* Puts the tag and the length in front of what was put since d->start was `end`. */
static void put_header(struct der *d, uint8_t tag, size_t end)
{
	size_t n = end - d->start;

	put_byte(d, n);
	if (n > 0xff) {
		put_byte(d, n >> 8);
		put_byte(d, 0x82);
	} else if (n > 0x7f) {
		put_byte(d, 0x81);
	}
	put_byte(d, tag);
}

/* The number has no leading zeros; n > 0. */
static void put_integer(struct der *d, const uint8_t *p, size_t n)
{
	size_t end = d->start;

	put(d, p, n);
	if (p[0] & 0x80) {
		put_byte(d, 0);
	}
	put_header(d, 0x02, end);
}

static void put_exponent(struct der *d, uint32_t e)
{
	uint8_t bytes[4] = {(uint8_t)(e >> 24), (uint8_t)(e >> 16), (uint8_t)(e >> 8), (uint8_t)e};
	size_t skip = 0;

	while (bytes[skip] == 0) {
		skip++;
	}
	put_integer(d, bytes + skip, sizeof(bytes) - skip);
}

int spki_rsa(const uint8_t *modulus, size_t n, uint32_t exponent, uint8_t *buf, size_t cap,
	     size_t *len)
{
	struct der d = {.buf = buf, .start = cap, .end = cap, .full = false};

	while (n > 0 && modulus[0] == 0) {
		modulus++;
		n--;
	}
	if (n > 0 && n <= MODULUS_MAX) {
		put_exponent(&d, exponent == 0 ? 65537 : exponent);
		put_integer(&d, modulus, n);
		put_header(&d, 0x30, d.end);
		put_byte(&d, 0); /* BIT STRING: unused bits */
		put_header(&d, 0x03, d.end);
		put(&d, rsa_encryption, sizeof(rsa_encryption));
		put_header(&d, 0x30, d.end);
	}
	if (d.full || d.start == d.end) {
		memset(buf, 0, cap);
		*len = 0;
		return -ERR_RANGE;
	}
	*len = d.end - d.start;
	memmove(buf, buf + d.start, *len);
	return 0;
}
