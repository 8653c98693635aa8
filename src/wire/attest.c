#include "wire/attest.h"

#include <string.h>

#include "bounds.h"
#include "err.h"
#include "wire/reader.h"
#include "wire/tpm_constants.h"

/* TPMS_CLOCK_INFO and firmwareVersion, which are for the verifier. */
#define CLOCK_AND_FIRMWARE (8 + 4 + 4 + 1 + 8)
#define SELECT_MAX 4

/* The PCRs of a TPML_PCR_SELECTION that has this bank or none; UINT32_MAX if it has others. */
static uint32_t take_selection(struct reader *r, uint16_t bank)
{
	uint32_t count = reader_u32(r);
	uint32_t pcrs = 0;
	uint8_t size;

	if (count == 0) {
		return 0;
	}
	if (count > 1 || reader_u16(r) != bank) {
		return UINT32_MAX;
	}
	size = reader_u8(r);
	if (size > SELECT_MAX) {
		return UINT32_MAX;
	}
	for (unsigned i = 0; i < size; i++) {
		pcrs |= (uint32_t)reader_u8(r) << (8 * i);
	}
	return pcrs;
}

int attest_quote_read(const uint8_t *p, size_t n, uint16_t bank, struct attest_quote *out)
{
	struct reader r = reader_over(p, n);
	uint32_t magic = reader_u32(&r);
	uint16_t type = reader_u16(&r);
	size_t len;

	memset(out, 0, sizeof *out);
	reader_tpm2b(&r, &len); /* qualifiedSigner */
	out->nonce = reader_tpm2b(&r, &out->nonce_len);
	reader_bytes(&r, CLOCK_AND_FIRMWARE);
	out->pcrs = take_selection(&r, bank);
	out->digest = reader_tpm2b(&r, &out->digest_len);
	if (magic == TPM2_GENERATED_VALUE && type == TPM2_ST_ATTEST_QUOTE &&
	    out->pcrs >> PCR_COUNT == 0 && reader_done(&r)) {
		return 0;
	}
	memset(out, 0, sizeof *out);
	return -ERR_TPM_RESPONSE;
}
