/*
 * For the tests of src/wire/cert_key.c: a certificate and its key's modulus, which a
 * test may damage, and a check that they belong together.
 */
#ifndef TESTS_CERT_KEY_CHECK_H
#define TESTS_CERT_KEY_CHECK_H

#include "unit.h"

#include "certificates.h"
#include "err.h"
#include "rsa_key.h"
#include "wire/cert_key.h"

#define EXPONENT 65537

static uint8_t cert[sizeof rsa_certificate + 64];
static uint8_t modulus[sizeof rsa_modulus];

/* Called before each test: sets both to what is in certificates.h and rsa_key.h. */
static inline int setup(void **state)
{
	(void)state;
	memcpy(cert, rsa_certificate, sizeof rsa_certificate);
	memcpy(modulus, rsa_modulus, sizeof modulus);
	return 0;
}

static inline int check(const uint8_t *p, size_t n)
{
	uint8_t *c = exact(p, n);
	uint8_t *m = exact(modulus, sizeof modulus);
	int r = cert_key_is_rsa(c, n, m, sizeof modulus, EXPONENT);

	free(m);
	free(c);
	return r;
}

#endif
