#include "wire/ek_cert.h"

#include <stdbool.h>

#include "err.h"
#include "wire/reader.h"

/* DER tags. */
#define TAG_INTEGER 0x02
#define TAG_BIT_STRING 0x03
#define TAG_OCTET_STRING 0x04
#define TAG_SEQUENCE 0x30
#define TAG_VERSION 0xa0

/* TCG PC Client specification for TPM 1.2, 7.3.2: TCG_PCCLIENT_STORED_CERT
 * with a TCG_FULL_CERT; certType 00. */
#define STORED_CERT 0x1001
#define FULL_CERT 0x1002

/* The certificate, in a TPM2B, in an OCTET STRING, in a TCG header. */
#define LAYERS_MAX 4

/* A length: short, or in one or two bytes; SIZE_MAX for other forms. */
static size_t der_length(struct reader *r)
{
	uint8_t first = reader_u8(r);

	switch (first) {
	case 0x81:
		return reader_u8(r);
	case 0x82:
		return reader_u16(r);
	default:
		return first < 0x80 ? first : SIZE_MAX;
	}
}

/*
 * The contents of the next element, which has to have this tag. If it has
 * not, both readers have failed: a walk needs to look at its end only.
 */
static struct reader der_take(struct reader *r, uint8_t tag)
{
	bool other = reader_u8(r) != tag;
	size_t n = der_length(r);
	const uint8_t *p = reader_bytes(r, other ? SIZE_MAX : n);

	if (p == NULL) {
		return (struct reader){.p = NULL, .n = 0, .failed = true};
	}
	return reader_over(p, n);
}

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

	/* Its size is not looked at: DER's own is what counts. */
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
	struct reader in = der_take(&all, TAG_OCTET_STRING);
	struct reader look = in;

	/* 04xx may be a TPM2B's size as well: what is inside decides. */
	if (der_take(&look, TAG_SEQUENCE).failed) {
		return false;
	}
	*r = in;
	return true;
}

static bool unwrap_tpm2b(struct reader *r)
{
	struct reader in = *r;

	if (reader_u16(&in) != in.n || in.failed) {
		return false;
	}
	*r = in;
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
		struct reader in = der_take(&rest, TAG_SEQUENCE);

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

int ek_cert_rsa_modulus(const uint8_t *cert, size_t n, const uint8_t **modulus, size_t *len)
{
	struct reader all = reader_over(cert, n);
	struct reader outer = der_take(&all, TAG_SEQUENCE);
	struct reader tbs = der_take(&outer, TAG_SEQUENCE);
	struct reader spki;
	struct reader bits;
	struct reader key;
	struct reader number;

	*modulus = NULL;
	*len = 0;
	if (tbs.n > 0 && tbs.p[0] == TAG_VERSION) {
		der_take(&tbs, TAG_VERSION);
	}
	der_take(&tbs, TAG_INTEGER); /* serialNumber */
	der_take(&tbs, TAG_SEQUENCE); /* signature */
	der_take(&tbs, TAG_SEQUENCE); /* issuer */
	der_take(&tbs, TAG_SEQUENCE); /* validity */
	der_take(&tbs, TAG_SEQUENCE); /* subject */
	spki = der_take(&tbs, TAG_SEQUENCE);
	der_take(&spki, TAG_SEQUENCE); /* algorithm */
	bits = der_take(&spki, TAG_BIT_STRING);
	if (reader_u8(&bits) != 0) { /* unused bits */
		return -ERR_CERT_FORMAT;
	}
	key = der_take(&bits, TAG_SEQUENCE);
	number = der_take(&key, TAG_INTEGER);
	while (number.n > 0 && number.p[0] == 0) {
		number.p++;
		number.n--;
	}
	if (number.n == 0) {
		return -ERR_CERT_FORMAT;
	}
	*modulus = number.p;
	*len = number.n;
	return 0;
}
