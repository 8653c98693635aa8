#include <stdbool.h>
#include <string.h>

#include <bearssl_x509.h>

#include "crypto/cert_key.h"
#include "err.h"
#include "wire/ek_cert.h"

/* Moduli and exponents are numbers: leading zeros do not count. */
static bool same_number(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	while (a_len > 0 && *a == 0) {
		a++;
		a_len--;
	}
	while (b_len > 0 && *b == 0) {
		b++;
		b_len--;
	}
	return a_len == b_len && memcmp(a, b, a_len) == 0;
}

static int compare_modulus(const uint8_t *cert, size_t n, const uint8_t *modulus,
			   size_t modulus_len)
{
	const uint8_t *found;
	size_t len;
	int r = ek_cert_rsa_modulus(cert, n, &found, &len);

	if (r != 0) {
		return r;
	}
	return same_number(found, len, modulus, modulus_len) ? 0 : -ERR_CERT_KEY;
}

int cert_key_is_rsa(const uint8_t *cert, size_t n, const uint8_t *modulus, size_t modulus_len,
		    uint32_t exponent)
{
	br_x509_decoder_context decoder;
	const br_x509_pkey *key;
	uint8_t e[4];

	br_x509_decoder_init(&decoder, NULL, NULL);
	br_x509_decoder_push(&decoder, cert, n);
	key = br_x509_decoder_get_pkey(&decoder);
	if (key == NULL) {
		return compare_modulus(cert, n, modulus, modulus_len);
	}
	if (key->key_type != BR_KEYTYPE_RSA) {
		return -ERR_CERT_KEY;
	}
	for (size_t i = 0; i < sizeof e; i++) {
		e[i] = (uint8_t)(exponent >> (24 - 8 * i));
	}
	if (!same_number(key->key.rsa.n, key->key.rsa.nlen, modulus, modulus_len) ||
	    !same_number(key->key.rsa.e, key->key.rsa.elen, e, sizeof e)) {
		return -ERR_CERT_KEY;
	}
	return 0;
}
