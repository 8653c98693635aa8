/* src/wire/pem.c, which reads and writes certificates as PEM files. */
#include "fuzz.h"

#include "bounds.h"
#include "wire/base64.h"
#include "wire/pem.h"

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END "-----END CERTIFICATE-----"

static int read_into(const void *p, size_t n, uint8_t *buf, size_t cap, size_t *len)
{
	int e;

	*len = 99;
	e = pem_certificate(p, n, buf, cap, len);
	MUST(e == 0 || e == -ERR_CERT_FORMAT);
	MUST(e == 0 ? *len > 0 && *len <= cap : *len == 0 && all_zero(buf, cap));
	return e;
}

/* A certificate is read from a buffer of exactly its size, and from no smaller one. */
static void read_any(const uint8_t *data, size_t size)
{
	uint8_t *large = exact(NULL, size);
	uint8_t *just, *less;
	size_t n, again;

	if (read_into(data, size, large, size, &n) == 0) {
		just = exact(NULL, n);
		less = exact(NULL, n - 1);
		MUST(read_into(data, size, just, n, &again) == 0);
		MUST(same_bytes(just, again, large, n));
		MUST(read_into(data, size, less, n - 1, &again) == -ERR_CERT_FORMAT);
		MUST(memmem(data, size, BEGIN, strlen(BEGIN)) != NULL);
		MUST(memmem(data, size, END, strlen(END)) != NULL);
		free(less);
		free(just);
	}
	free(large);
}

/* Every certificate that is written can be read again, with lines of a width that the input
 * chooses. */
static void write_any(const uint8_t *data, size_t size)
{
	size_t width = size == 0 ? 64 : 1 + data[0], len = BASE64_LEN(size), used, n;
	char *digits = exact(NULL, len);
	char *text = exact(NULL, strlen(BEGIN END) + 2 * len + 2);
	uint8_t *copy, *buf = exact(NULL, size);

	base64_encode(data, size, digits);
	used = (size_t)sprintf(text, "%s", BEGIN);
	for (size_t at = 0; at < len; at++) {
		if (at % width == 0) {
			text[used++] = '\n';
		}
		text[used++] = digits[at];
	}
	memcpy(text + used, END, strlen(END));
	used += strlen(END);
	copy = exact(text, used);
	if (size == 0) {
		MUST(read_into(copy, used, buf, size, &n) == -ERR_CERT_FORMAT);
	} else {
		MUST(read_into(copy, used, buf, size, &n) == 0);
		MUST(same_bytes(buf, n, data, size));
	}
	free(buf);
	free(copy);
	free(text);
	free(digits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_any(data, size);
	write_any(data, size);
	return 0;
}
