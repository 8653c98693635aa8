#include "wire/cert_key.h"

#include <string.h>

#include "err.h"
#include "wire/der.h"

/* The class bits of a tag; the class of [0], [1], ...; the tag of [0], the version. */
#define TAG_CLASS 0xc0
#define TAG_CONTEXT 0x80
#define TAG_VERSION 0xa0

/* Are these two the same number, and not 0? */
static bool same_number(struct reader a, struct reader b)
{
	while (a.n > 0 && *a.p == 0) {
		reader_u8(&a);
	}
	while (b.n > 0 && *b.p == 0) {
		reader_u8(&b);
	}
	return a.n > 0 && a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* The subjectPublicKey of a Certificate: the contents of its BIT STRING, without the
 * first byte, which counts the unused bits. */
static struct reader public_key(struct reader r)
{
	struct reader certificate = der_take(&r, DER_SEQUENCE);
	struct reader tbs = der_take(&certificate, DER_SEQUENCE);
	struct reader spki;
	struct reader key;

	der_take(&certificate, DER_SEQUENCE); /* signatureAlgorithm */
	der_take(&certificate, DER_BIT_STRING); /* signatureValue */
	if (tbs.n > 0 && tbs.p[0] == TAG_VERSION) {
		der_take(&tbs, TAG_VERSION);
	}
	der_take(&tbs, DER_INTEGER); /* serialNumber */
	der_take(&tbs, DER_SEQUENCE); /* signature */
	der_take(&tbs, DER_SEQUENCE); /* issuer */
	der_take(&tbs, DER_SEQUENCE); /* validity */
	der_take(&tbs, DER_SEQUENCE); /* subject */
	spki = der_take(&tbs, DER_SEQUENCE);
	/* issuerUniqueID, subjectUniqueID, extensions: [1], [2], [3] */
	while (tbs.n > 0 && (tbs.p[0] & TAG_CLASS) == TAG_CONTEXT) {
		der_take(&tbs, tbs.p[0]);
	}
	der_take(&spki, DER_SEQUENCE); /* algorithm */
	key = der_take(&spki, DER_BIT_STRING);
	if (reader_u8(&key) != 0 || !reader_done(&r) || !reader_done(&certificate) ||
	    !reader_done(&tbs) || !reader_done(&spki)) {
		key.failed = true;
	}
	return key;
}

int cert_key_is_rsa(const uint8_t *cert, size_t n, const uint8_t *modulus, size_t modulus_len,
		    uint32_t exponent)
{
	uint32_t e = exponent == 0 ? 65537 : exponent;
	const uint8_t bytes[] = {(uint8_t)(e >> 24), (uint8_t)(e >> 16), (uint8_t)(e >> 8),
				 (uint8_t)e};
	struct reader key = public_key(reader_over(cert, n));
	struct reader rsa;
	struct reader number;
	struct reader power;

	if (key.failed) {
		return -ERR_CERT_FORMAT;
	}
	rsa = der_take(&key, DER_SEQUENCE);
	number = der_take(&rsa, DER_INTEGER);
	power = der_take(&rsa, DER_INTEGER);
	if (!reader_done(&rsa) || !reader_done(&key) ||
	    !same_number(number, reader_over(modulus, modulus_len)) ||
	    !same_number(power, reader_over(bytes, sizeof bytes))) {
		return -ERR_CERT_KEY;
	}
	return 0;
}
