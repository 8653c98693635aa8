/*
 * port/common/store_element.c, which reads a certificate from Windows' registry.
 */
#include "fuzz.h"

#include "common/store_element.h"
#include "err.h"

#define HEADER 12

static void header(uint8_t *p, uint32_t id, size_t n)
{
	const uint32_t words[] = {id, 1, (uint32_t)n};

	for (unsigned i = 0; i < HEADER; i++) {
		p[i] = (uint8_t)(words[i / 4] >> 8 * (i % 4));
	}
}

/* The same bytes are found as the certificate of an element that follows another property. */
static void check_wrapped(const uint8_t *cert, size_t n)
{
	uint8_t *p = malloc(2 * HEADER + 3 + n);
	const uint8_t *der;
	size_t len;

	header(p, 3, 3);
	memcpy(p + HEADER, "123", 3);
	header(p + HEADER + 3, 32, n);
	memcpy(p + 2 * HEADER + 3, cert, n);
	MUST(store_element_der(p, 2 * HEADER + 3 + n, &der, &len) == 0);
	MUST(der == p + 2 * HEADER + 3 && len == n);
	free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = exact(data, size);
	const uint8_t *der = copy;
	size_t len = 99;
	int e = store_element_der(copy, size, &der, &len);

	if (e == 0) {
		MUST(inside(der, len, copy, size) && len > 0 && der >= copy + HEADER);
		check_wrapped(der, len);
	} else {
		MUST(e == -ERR_CERT_FORMAT && der == NULL && len == 0);
	}
	free(copy);
	return 0;
}
