#include "wire/cert_chain.h"

#include "wire/der.h"

/* Steps over a certificate; leaves r as it is if it does not begin with one. */
static bool take_cert(struct reader *r)
{
	struct reader rest = *r;
	struct reader in = der_take(&rest, DER_SEQUENCE);

	der_take(&in, DER_SEQUENCE);
	der_take(&in, DER_SEQUENCE);
	der_take(&in, DER_BIT_STRING);
	if (!reader_done(&in)) {
		return false;
	}
	*r = rest;
	return true;
}

bool cert_chain_next(struct reader *r, const uint8_t **cert, size_t *len, bool *lost)
{
	while (r->n > 0) {
		uint8_t byte;

		*cert = r->p;
		if (take_cert(r)) {
			*len = (size_t)(r->p - *cert);
			return true;
		}
		/* The next certificate may begin anywhere: the length here cannot be trusted. */
		byte = reader_u8(r);
		*lost = *lost || (byte != 0x00 && byte != 0xff);
	}
	*cert = NULL;
	*len = 0;
	return false;
}
