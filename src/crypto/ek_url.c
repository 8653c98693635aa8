#include "crypto/ek_url.h"

#include <string.h>

#include <bearssl_hash.h>

#include "base/text.h"
#include "bounds.h"
#include "err.h"
#include "wire/base64.h"

#define INTEL 0x494e5443 /* "INTC" */
#define AMD 0x414d4400 /* "AMD" */

#define EXPONENT 65537

static void hash(const void *head, size_t head_len, const void *p, size_t n, uint8_t *digest)
{
	br_sha256_context sha;

	br_sha256_init(&sha);
	br_sha256_update(&sha, head, head_len);
	br_sha256_update(&sha, p, n);
	br_sha256_out(&sha, digest);
}

/* Intel: base64url of SHA-256(modulus ‖ 010001). */
static void put_intel(struct text *t, const uint8_t *modulus, size_t n)
{
	static const uint8_t exponent[] = {0x01, 0x00, 0x01};
	uint8_t digest[br_sha256_SIZE];
	char *p;

	hash(modulus, n, exponent, sizeof exponent, digest);
	text_str(t, "https://ekop.intel.com/ekcertservice/");
	p = t->p + t->len;
	base64_put(t, digest, sizeof digest);
	if (t->cut) {
		return;
	}
	for (; *p != '='; p++) {
		*p = (char)(*p == '+' ? '-' : *p == '/' ? '_' : *p);
	}
	t->len--; /* 32 bytes have one '=' as padding; it is written as %3D */
	text_str(t, "%3D");
}

/* AMD: the first half of SHA-256(00002222 ‖ exponent ‖ modulus), in hexadecimal. */
static void put_amd(struct text *t, const uint8_t *modulus, size_t n)
{
	static const uint8_t head[] = {0x00, 0x00, 0x22, 0x22, 0x00, 0x01, 0x00, 0x01};
	static const char digits[] = "0123456789ABCDEF";
	uint8_t digest[br_sha256_SIZE];

	hash(head, sizeof head, modulus, n, digest);
	text_str(t, "https://ftpm.amd.com/pki/aia/");
	for (size_t i = 0; i < sizeof digest / 2; i++) {
		text_put(t, &digits[digest[i] >> 4], 1);
		text_put(t, &digits[digest[i] & 15], 1);
	}
}

int ek_url(uint32_t manufacturer, const uint8_t *modulus, size_t n, uint32_t exponent, char *buf,
	   size_t cap)
{
	struct text t = text_in(buf, cap);
	int r = 0;

	while (n > 0 && *modulus == 0) {
		modulus++;
		n--;
	}
	if (n == 0 || (exponent != 0 && exponent != EXPONENT)) {
		manufacturer = 0; /* their EKs have no such key */
	}
	if (manufacturer == INTEL) {
		put_intel(&t, modulus, n);
	} else if (manufacturer == AMD) {
		put_amd(&t, modulus, n);
	} else {
		r = -ERR_NOTSUP;
	}
	text_put(&t, "", 1);
	if (t.cut) {
		r = -ERR_RANGE;
	}
	if (r != 0 && cap > 0) {
		buf[0] = '\0';
	}
	return r;
}
