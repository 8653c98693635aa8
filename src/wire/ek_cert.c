#include "wire/ek_cert.h"

#include <stdbool.h>

#include "err.h"
#include "wire/der.h"

/* TCG PC Client specification for TPM 1.2, 7.3.2: TCG_PCCLIENT_STORED_CERT
 * with a TCG_FULL_CERT; certType 00. */
#define STORED_CERT 0x1001
#define FULL_CERT 0x1002

/* A certificate in a TPM2B in an OCTET STRING behind a TCG header. */
#define LAYERS_MAX 4

static bool all_bytes(const uint8_t *p, size_t n, uint8_t value)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != value) {
			return false;
		}
	}
	return true;
}

static bool unwrap_stored_cert(struct reader *r)
{
	struct reader in = *r;
	struct reader full;

	/* The two bytes are its size, which is not needed: DER has its own. */
	if (reader_u16(&in) != STORED_CERT || reader_u8(&in) != 0 || reader_bytes(&in, 2) == NULL) {
		return false;
	}
	full = in;
	*r = reader_u16(&full) == FULL_CERT ? full : in;
	return true;
}

static bool unwrap_octet_string(struct reader *r)
{
	struct reader all = *r;
	struct reader in = der_take(&all, DER_OCTET_STRING);
	struct reader look = in;

	/* 04 may also be the first byte of a TPM2B's size: only a SEQUENCE inside decides. */
	if (der_take(&look, DER_SEQUENCE).failed) {
		return false;
	}
	*r = in;
	return true;
}

/* What follows it, mostly padding up to the end of the index, is ignored. */
static bool unwrap_tpm2b(struct reader *r)
{
	struct reader in = *r;
	size_t n;
	const uint8_t *p = reader_tpm2b(&in, &n);

	if (p == NULL) {
		return false;
	}
	*r = reader_over(p, n);
	return true;
}

int ek_cert_find(const uint8_t *p, size_t n, const uint8_t **cert, size_t *cert_len)
{
	struct reader r = reader_over(p, n);

	*cert = NULL;
	*cert_len = 0;
	if (all_bytes(p, n, 0x00) || all_bytes(p, n, 0xff)) {
		return -ERR_CERT_ABSENT;
	}
	for (int i = 0; i < LAYERS_MAX; i++) {
		struct reader rest = r;
		struct reader in = der_take(&rest, DER_SEQUENCE);

		if (!in.failed) {
			*cert = r.p;
			*cert_len = (size_t)(rest.p - r.p);
			return 0;
		}
		if (!unwrap_stored_cert(&r) && !unwrap_octet_string(&r) && !unwrap_tpm2b(&r)) {
			break;
		}
	}
	return -ERR_CERT_FORMAT;
}
