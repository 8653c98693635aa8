#include "wire/pem.h"

#include <string.h>

#include "err.h"
#include "wire/base64.h"
#include "wire/reader.h"

#define DASHES "-----"
#define BEGIN DASHES "BEGIN CERTIFICATE" DASHES
#define END "END CERTIFICATE" DASHES

/* Returns what is before the next `text`, and moves r behind that text. Both readers
 * have failed if there is none. */
static struct reader until(struct reader *r, const char *text)
{
	struct reader before = *r;
	size_t n = strlen(text);

	while (r->n >= n && memcmp(r->p, text, n) != 0) {
		reader_u8(r);
	}
	before.n -= r->n;
	before.failed = reader_bytes(r, n) == NULL;
	return before;
}

int pem_certificate(const uint8_t *p, size_t n, uint8_t *buf, size_t cap, size_t *len)
{
	struct reader r = reader_over(p, n);
	struct reader body;
	const uint8_t *end;
	const char *text;

	*len = 0;
	until(&r, BEGIN);
	body = until(&r, DASHES);
	end = reader_bytes(&r, sizeof(END) - 1);
	text = (const char *)body.p;
	if (end == NULL || memcmp(end, END, sizeof(END) - 1) != 0 ||
	    base64_size(text, body.n) > cap || base64_decode(text, body.n, buf, len) != 0 ||
	    *len == 0) {
		return -ERR_CERT_FORMAT;
	}
	return 0;
}
