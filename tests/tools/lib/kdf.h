/*
 * The cryptography of a salted TPM session (TPM 2.0 Library part 1), on
 * libcrypto. All functions use SHA-256, and end the program if libcrypto fails.
 */
#ifndef TOOLS_KDF_H
#define TOOLS_KDF_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32

struct piece {
	const void *p;
	size_t n;
};

void sha256(const struct piece *pieces, size_t count, uint8_t digest[SHA256_SIZE]);
void hmac_sha256(const uint8_t *key, size_t key_len, const struct piece *pieces, size_t count,
		 uint8_t mac[SHA256_SIZE]);
/* KDFa (11.4.10.2): makes up to SHA256_SIZE bytes. label: without its zero byte. */
void kdfa(const uint8_t *key, size_t key_len, const char *label, const uint8_t *u, const uint8_t *v,
	  uint8_t *out, size_t n);
/* RSAES-OAEP with the label and its zero byte (B.4); exponent 65537. */
void rsa_oaep(const uint8_t *modulus, size_t modulus_len, const char *label, const uint8_t *plain,
	      size_t n, uint8_t *out);
void aes128_cfb_decrypt(const uint8_t key[16], const uint8_t iv[16], uint8_t *data, size_t n);
void random_bytes(uint8_t *p, size_t n);

#endif
