/* src/wire/cert_chain.c, which reads what the NV indices of the EK's certificate chain hold. */
#include "fuzz.h"

#include "certificates.h"
#include "wire/cert_chain.h"

/* The length of the DER element at p with its header, or 0 if the n bytes do not hold all of it. */
static size_t element(const uint8_t *p, size_t n, uint8_t tag)
{
	size_t head, len;

	if (n < 2 || p[0] != tag || p[1] > 0x82 || p[1] == 0x80) {
		return 0;
	}
	head = p[1] < 0x80 ? 2 : p[1] - 0x7eU;
	if (n < head) {
		return 0;
	}
	len = head == 2 ? p[1] : head == 3 ? p[2] : (size_t)p[2] << 8 | p[3];
	return len <= n - head ? head + len : 0;
}

/* The length of the certificate at p, or 0 if there is none. */
static size_t cert_at(const uint8_t *p, size_t n)
{
	static const uint8_t parts[] = {0x30, 0x30, 0x03};
	size_t whole = element(p, n, 0x30);
	size_t at = whole == 0 || p[1] < 0x80 ? 2 : p[1] - 0x7eU;

	for (size_t i = 0; whole != 0 && i < sizeof parts; i++) {
		size_t part = element(p + at, whole - at, parts[i]);

		if (part == 0) {
			return 0;
		}
		at += part;
	}
	return at == whole ? whole : 0;
}

/* Every certificate is found, in order, and no certificate begins in the bytes that are skipped. */
static void check_all(const uint8_t *p, size_t n)
{
	struct reader r = reader_over(p, n);
	const uint8_t *cert;
	size_t at = 0, len;
	bool lost = false, want = false, found;

	do {
		size_t end;

		found = cert_chain_next(&r, &cert, &len, &lost);
		MUST(found ? inside(cert, len, p + at, n - at) : cert == NULL && len == 0);
		end = found ? (size_t)(cert - p) : n;
		for (; at < end; at++) {
			MUST(cert_at(p + at, n - at) == 0);
			want = want || (p[at] != 0x00 && p[at] != 0xff);
		}
		MUST(lost == want);
		if (found) {
			MUST(cert_at(cert, n - at) == len);
			at += len;
		}
		MUST(!r.failed && r.n == n - at);
	} while (found);
}

/* Bytes behind complete certificates change nothing, nor does padding before them. */
static void check_behind(const uint8_t *p, size_t n)
{
	size_t before = n % 5, len = 2 * before + sizeof rsa_certificate + sizeof ec_certificate;
	uint8_t *all = exact(NULL, len + n);
	struct reader r = reader_over(all, len + n);
	const uint8_t *cert;
	bool lost = false;
	size_t found;

	memcpy(all + before, rsa_certificate, sizeof rsa_certificate);
	memset(all + before + sizeof rsa_certificate, 0xff, before);
	memcpy(all + len - sizeof ec_certificate, ec_certificate, sizeof ec_certificate);
	memcpy(all + len, p, n);
	MUST(cert_chain_next(&r, &cert, &found, &lost));
	MUST(same_bytes(cert, found, rsa_certificate, sizeof rsa_certificate));
	MUST(cert_chain_next(&r, &cert, &found, &lost));
	MUST(same_bytes(cert, found, ec_certificate, sizeof ec_certificate));
	MUST(!lost && r.p == all + len && r.n == n);
	free(all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_all(data, size);
	check_behind(data, size);
	return 0;
}
