/*
 * For the tests of RSA-OAEP: the port's random generator, a key, and a check that a
 * ciphertext is for this key.
 */
#ifndef TESTS_OAEP_H
#define TESTS_OAEP_H

#include "unit.h"

#include <bearssl_rsa.h>
#include <tss2/tss2_esys.h>

#include "err.h"
#include "port.h"
#include "rsa_key.h"

/* The port's random generator: counts upwards from `seed`, or fails. */
static uint8_t seed;
static bool broken;
static size_t draws_left = SIZE_MAX; /* after that it fails, as early in the boot */
static size_t drawn;

int port_random(uint8_t *buf, size_t n)
{
	if (broken) {
		return -ERR_IO;
	}
	if (draws_left == 0) {
		return -ERR_RANDOM;
	}
	draws_left--;
	for (size_t i = 0; i < n; i++) {
		buf[i] = seed++;
	}
	drawn += n;
	return 0;
}

/* The public part of the key in rsa_key.h, as a TPM returns it. */
static inline TPM2B_PUBLIC public_key(TPM2_ALG_ID name_alg, uint32_t exponent)
{
	TPM2B_PUBLIC key = {.publicArea = {.type = TPM2_ALG_RSA,
					   .nameAlg = name_alg,
					   .parameters.rsaDetail.exponent = exponent,
					   .unique.rsa.size = sizeof rsa_modulus}};

	memcpy(key.publicArea.unique.rsa.buffer, rsa_modulus, sizeof rsa_modulus);
	return key;
}

/* With this hash and label, are these bytes the result of decrypting it? */
static inline bool decrypts(const uint8_t *cipher, const br_hash_class *hash, const char *label,
			    size_t n, const void *want, size_t want_len)
{
	br_rsa_private_key key = {
		.n_bitlen = 2048,
		.p = (uint8_t *)rsa_p,
		.plen = sizeof rsa_p,
		.q = (uint8_t *)rsa_q,
		.qlen = sizeof rsa_q,
		.dp = (uint8_t *)rsa_dp,
		.dplen = sizeof rsa_dp,
		.dq = (uint8_t *)rsa_dq,
		.dqlen = sizeof rsa_dq,
		.iq = (uint8_t *)rsa_iq,
		.iqlen = sizeof rsa_iq,
	};
	uint8_t data[sizeof rsa_modulus];
	size_t len = sizeof data;

	memcpy(data, cipher, len);
	return br_rsa_i31_oaep_decrypt(hash, label, n, &key, data, &len) == 1 && len == want_len &&
	       memcmp(data, want, len) == 0;
}

#endif
