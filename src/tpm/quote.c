/*
 * TPM2_Quote, and the values of the PCRs: TPM2_PCR_Read returns up to eight at once. They are
 * not signed, so that their digest is compared with the one that was.
 */
#include <string.h>

#include "bounds.h"
#include "crypto/digest.h"
#include "err.h"
#include "tpm/primary_key.h"
#include "tpm/response_code.h"
#include "tpm/sign.h"
#include "wire/attest.h"

/* Quotes at most, where the PCRs change between a quote and the reading. */
#define ROUNDS 3

static_assert(BANK_SHA1 == TPM2_ALG_SHA1 && BANK_SHA256 == TPM2_ALG_SHA256 &&
		      BANK_SHA384 == TPM2_ALG_SHA384 && BANK_SHA512 == TPM2_ALG_SHA512,
	      "a bank is its TPM_ALG_ID");

static void begin(struct tpm *t)
{
	t->quote.rounds = 0;
	t->quote.refusal = 0;
}

static TSS2_RC refuse(struct tpm *t, int err, const char *field)
{
	t->quote.refusal = err;
	t->quote.refused = field;
	return STEP_REFUSE;
}

static TPML_PCR_SELECTION selection(const struct tpm *t, uint32_t pcrs)
{
	return (TPML_PCR_SELECTION){
		.count = 1,
		.pcrSelections = {{.hash = t->params.as.sign.bank,
				   .sizeofSelect = PCR_COUNT / 8,
				   .pcrSelect = {(BYTE)pcrs, (BYTE)(pcrs >> 8),
						 (BYTE)(pcrs >> 16)}}},
	};
}

static TSS2_RC quote_start(struct tpm *t)
{
	TPML_PCR_SELECTION pcrs = selection(t, t->params.as.sign.pcrs);
	TPM2B_DATA nonce = sign_nonce(t);

	t->client_data_sent = true;
	return Esys_Quote_Async(t->esys, key_object(t, t->target), ESYS_TR_PASSWORD, ESYS_TR_NONE,
				ESYS_TR_NONE, &nonce, &sign_scheme, &pcrs);
}

/* The TPM leaves PCRs out of the selection if it does not have them. */
static TSS2_RC check_selection(struct tpm *t)
{
	const struct signed_attest *sign = &t->result.sign;
	struct attest_quote quote;

	if (attest_quote_read(sign->attest, sign->attest_len, t->params.as.sign.bank, &quote) !=
		    0 ||
	    quote.digest_len != sizeof t->quote.digest ||
	    quote.nonce_len != t->params.as.sign.nonce_len ||
	    memcmp(quote.nonce, t->params.as.sign.nonce, quote.nonce_len) != 0) {
		return TSS2_ESYS_RC_MALFORMED_RESPONSE;
	}
	if (quote.pcrs != t->params.as.sign.pcrs) {
		return refuse(t, -ERR_VALUE, quote.pcrs == 0 ? "pcr_bank" : "pcrs");
	}
	memcpy(t->quote.digest, quote.digest, quote.digest_len);
	t->quote.unread = quote.pcrs;
	return TSS2_RC_SUCCESS;
}

static TSS2_RC quote_finish(struct tpm *t)
{
	TPM2B_ATTEST *attest = NULL;
	TPMT_SIGNATURE *signature = NULL;
	TSS2_RC rc = Esys_Quote_Finish(t->esys, &attest, &signature);

	/* The selection is TPM2_Quote's third parameter. */
	if (rc_is_about_parameter(rc) && (rc & TPM2_RC_N_MASK) == TPM2_RC_3) {
		(void)refuse(t, -ERR_VALUE, "pcr_bank");
	}
	rc = sign_take(rc, attest, signature, &t->result.sign);
	return rc == TSS2_RC_SUCCESS ? check_selection(t) : rc;
}

static TSS2_RC read_start(struct tpm *t)
{
	TPML_PCR_SELECTION pcrs = selection(t, t->quote.unread);

	t->client_data_sent = false;
	return Esys_PCR_Read_Async(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &pcrs);
}

static unsigned count(uint32_t bits)
{
	unsigned n = 0;

	for (; bits != 0; bits &= bits - 1) {
		n++;
	}
	return n;
}

/* Puts each value at its place among those that were requested. */
static TSS2_RC take_values(struct tpm *t, const TPML_PCR_SELECTION *read, const TPML_DIGEST *values)
{
	const TPMS_PCR_SELECTION *bank = &read->pcrSelections[0];
	const BYTE *select = bank->pcrSelect;
	size_t len = digest_size(t->params.as.sign.bank);
	uint32_t pcrs;

	if (read->count != 1 || bank->hash != t->params.as.sign.bank ||
	    bank->sizeofSelect != PCR_COUNT / 8) {
		return TSS2_ESYS_RC_MALFORMED_RESPONSE;
	}
	pcrs = select[0] | (uint32_t)select[1] << 8 | (uint32_t)select[2] << 16;
	if (pcrs == 0 || (pcrs & ~t->quote.unread) || count(pcrs) != values->count) {
		return TSS2_ESYS_RC_MALFORMED_RESPONSE;
	}
	for (unsigned i = 0; i < values->count; i++, pcrs &= pcrs - 1) {
		unsigned place = count(t->params.as.sign.pcrs & ((pcrs & -pcrs) - 1));

		if (values->digests[i].size != len) {
			return TSS2_ESYS_RC_MALFORMED_RESPONSE;
		}
		memcpy(t->result.pcr_values + place * len, values->digests[i].buffer, len);
		t->quote.unread &= ~(pcrs & -pcrs);
	}
	return TSS2_RC_SUCCESS;
}

/* All are read: have they the digest that was signed? If not, the TPM quotes again. */
static TSS2_RC compare(struct tpm *t)
{
	uint8_t digest[sizeof t->quote.digest];

	t->result.pcr_len = digest_size(t->params.as.sign.bank);
	digest_sha256(t->result.pcr_values, count(t->params.as.sign.pcrs) * t->result.pcr_len,
		      digest);
	if (memcmp(digest, t->quote.digest, sizeof digest) == 0) {
		t->answered = true;
		return TSS2_RC_SUCCESS;
	}
	t->quote.rounds++;
	return t->quote.rounds < ROUNDS ? STEP_LOOP : refuse(t, -ERR_PCRS_CHANGED, NULL);
}

static TSS2_RC read_finish(struct tpm *t)
{
	TPML_PCR_SELECTION *read = NULL;
	TPML_DIGEST *values = NULL;
	TSS2_RC rc = Esys_PCR_Read_Finish(t->esys, NULL, &read, &values);

	if (rc == TSS2_RC_SUCCESS) {
		rc = take_values(t, read, values);
	}
	Esys_Free(read);
	Esys_Free(values);
	if (rc != TSS2_RC_SUCCESS) {
		return rc;
	}
	return t->quote.unread != 0 ? STEP_AGAIN : compare(t);
}

/* No earlier: if the link breaks in the clean-up, no member is at fault. */
static int conclude(struct tpm *t, TSS2_RC rc, bool *stale)
{
	if (t->quote.refusal != 0) {
		t->result.field = t->quote.refused;
		return t->quote.refusal;
	}
	return sign_conclude(t, rc, stale);
}

static const struct step steps[] = {
	{key_load_start, key_load_finish, TPM_COMMAND_MS, TARGET_AIK},
	{quote_start, quote_finish, TPM_COMMAND_MS, TARGET_AIK},
	{read_start, read_finish, TPM_COMMAND_MS, TARGET_AIK},
};

const struct operation quote_operation = {STEPS(steps), .begin = begin, .conclude = conclude,
					  .loop = 1};
