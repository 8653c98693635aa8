/*
 * Whose certificate is this?
 */
#ifndef CRYPTO_CERT_KEY_H
#define CRYPTO_CERT_KEY_H

#include <stddef.h>
#include <stdint.h>

/*
 * Is the DER certificate for the RSA key with this modulus (big-endian, no
 * leading zeros) and exponent? 0: yes; -ERR_CERT_KEY: for another;
 * -ERR_CERT_FORMAT: it cannot be told. BearSSL's decoder reads the key; where
 * it does not know the key's algorithm (RSAES-OAEP) or dislikes the
 * certificate, the modulus alone is compared.
 */
int cert_key_is_rsa(const uint8_t *cert, size_t n, const uint8_t *modulus, size_t modulus_len,
		    uint32_t exponent);

#endif
