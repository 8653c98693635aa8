#include "store_element.h"

#include "err.h"

/* A property: its number, the encoding, its size; each 32 bits, the lowest
 * byte first. The value follows, without padding. */
#define HEADER 12U
#define PROPERTY_END 0U /* ends a file of several elements */
#define PROPERTY_CERTIFICATE 32U
#define ENCODING 1U /* X509_ASN_ENCODING; all properties say so */

static uint32_t u32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

int store_element_der(const uint8_t *p, size_t n, const uint8_t **der, size_t *len)
{
	const uint8_t *found = NULL;
	size_t found_len = 0;

	*der = NULL;
	*len = 0;
	while (n >= HEADER && u32(p) != PROPERTY_END) {
		uint32_t size = u32(p + 8);

		if (u32(p + 4) != ENCODING || size > n - HEADER) {
			return -ERR_CERT_FORMAT;
		}
		if (u32(p) == PROPERTY_CERTIFICATE) {
			if (found != NULL) {
				return -ERR_CERT_FORMAT;
			}
			found = p + HEADER;
			found_len = size;
		}
		p += HEADER + size;
		n -= HEADER + size;
	}
	/* If the end is marked, the mark is all zeros and nothing follows it. */
	if (found_len == 0 || (n != 0 && (n != HEADER || u32(p) != PROPERTY_END ||
					  u32(p + 4) != 0 || u32(p + 8) != 0))) {
		return -ERR_CERT_FORMAT;
	}
	*der = found;
	*len = found_len;
	return 0;
}
