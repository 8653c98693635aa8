/* src/wire/ek_cert.c and cert_key.c, which read what the NV index of the EK's certificate holds. */
#include "fuzz.h"

#include "certificates.h"
#include "rsa_key.h"
#include "wire/cert_key.h"
#include "wire/ek_cert.h"

#define EXPONENT 65537

static void check_finds(const uint8_t *p, size_t n, const uint8_t *cert, size_t len)
{
	uint8_t *copy = exact(p, n);
	const uint8_t *found;
	size_t found_len;

	MUST(ek_cert_find(copy, n, &found, &found_len) == 0);
	MUST(same_bytes(found, found_len, cert, len));
	free(copy);
}

/* The same certificate is found in each wrapping that vendors use. */
static void check_wrapped(const uint8_t *cert, size_t len)
{
	static uint8_t buf[8 + 65536 + 8];
	uint8_t *p = buf + 8;

	check_finds(cert, len, cert, len);
	if (len > 65535 - 8) {
		return;
	}
	memcpy(p, cert, len);
	memset(p + len, 0xff, 3);
	check_finds(p, len + 3, cert, len);
	memcpy(p - 7, "\x10\x01\x00\xee\xee\x10\x02", 7);
	check_finds(p - 7, 7 + len + 3, cert, len);
	memcpy(p - 4, "\x04\x82", 2);
	p[-2] = (uint8_t)(len >> 8);
	p[-1] = (uint8_t)len;
	check_finds(p - 4, 4 + len + 3, cert, len);
	check_finds(p - 2, 2 + len, cert, len); /* wrapped in a TPM2B */
	check_finds(p - 2, 2 + len + 3, cert, len);
}

/* Of all parts of the certificate, only its modulus, with its exponent behind it, matches. */
static void check_parts(const uint8_t *cert, size_t n)
{
	static const uint8_t f4[] = {0x02, 0x03, 0x01, 0x00, 0x01};
	const uint8_t *exponent = memmem(cert, n, f4, sizeof f4);
	uint8_t modulus[sizeof rsa_modulus];

	if (exponent == NULL || (size_t)(exponent - cert) < sizeof modulus) {
		return;
	}
	memcpy(modulus, exponent - sizeof modulus, sizeof modulus);
	if (cert_key_is_rsa(cert, n, modulus, sizeof modulus, EXPONENT) != 0) {
		return;
	}
	MUST(cert_key_is_rsa(cert, n, modulus, sizeof modulus, 0) == 0);
	MUST(cert_key_is_rsa(cert, n, modulus, sizeof modulus, 3) == -ERR_CERT_KEY);
	for (size_t i = 0; i < sizeof modulus; i += 15) {
		modulus[i] ^= 1;
		MUST(cert_key_is_rsa(cert, n, modulus, sizeof modulus, EXPONENT) == -ERR_CERT_KEY);
		modulus[i] ^= 1;
	}
	MUST(cert_key_is_rsa(cert, n - 1, modulus, sizeof modulus, EXPONENT) == -ERR_CERT_FORMAT);
}

static void check_key(const uint8_t *cert, size_t n)
{
	static const uint8_t f4[] = {0x01, 0x00, 0x01};
	int e = cert_key_is_rsa(cert, n, rsa_modulus, sizeof rsa_modulus, EXPONENT);

	MUST(e == 0 || e == -ERR_CERT_KEY || e == -ERR_CERT_FORMAT);
	if (e == 0) { /* the modulus that matched lies in the certificate */
		MUST(memmem(cert, n, rsa_modulus, sizeof rsa_modulus) != NULL);
		MUST(memmem(cert, n, f4, sizeof f4) != NULL);
	}
	check_parts(cert, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *cert = data;
	size_t len = 99, head, contents;
	uint8_t *copy;
	int e = ek_cert_find(data, size, &cert, &len);

	check_key(data, size);
	if (e != 0) {
		MUST(e == -ERR_CERT_ABSENT || e == -ERR_CERT_FORMAT);
		MUST(cert == NULL && len == 0);
		return 0;
	}
	MUST(inside(cert, len, data, size) && len >= 2 && cert[0] == 0x30);
	head = cert[1] < 0x80 ? 2 : cert[1] == 0x81 ? 3 : 4;
	MUST(len >= head);
	contents = head == 2 ? cert[1] : head == 3 ? cert[2] : (size_t)cert[2] << 8 | cert[3];
	MUST(len == head + contents);
	check_wrapped(cert, len);
	copy = exact(cert, len);
	check_key(copy, len);
	free(copy);
	return 0;
}
