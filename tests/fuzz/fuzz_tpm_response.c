/*
 * src/wire/tpm_response.c. The input: a TPM command behind its size, then a response.
 * Each response that is accepted is checked a second time, by hand.
 */
#include "fuzz.h"

#include "wire/tpm_constants.h"
#include "wire/tpm_response.h"

#define HEADER 10

static uint32_t be(const uint8_t *p, size_t n)
{
	uint32_t v = 0;

	while (n-- > 0) {
		v = v << 8 | *p++;
	}
	return v;
}

/* The length of the response's handle, if it has one. */
static size_t handle_len(uint32_t code)
{
	bool has_handle = code == TPM2_CC_CreatePrimary || code == TPM2_CC_ContextLoad ||
			  code == TPM2_CC_StartAuthSession;

	return has_handle ? 4 : 0;
}

/* Skips the response's authorisations: returns where the last one ends. */
static size_t sessions_end(const uint8_t *p, size_t n, size_t at, unsigned sessions)
{
	for (unsigned i = 0; i < sessions; i++) {
		MUST(n - at >= 5);
		at += 2 + be(p + at, 2) + 1; /* nonceTPM, sessionAttributes */
		MUST(at <= n && n - at >= 2);
		at += 2 + be(p + at, 2); /* hmac */
		MUST(at <= n);
	}
	return at;
}

/* Where the TPM2B at `at` ends. */
static size_t tpm2b_end(const uint8_t *p, size_t n, size_t at)
{
	MUST(at <= n && n - at >= 2);
	at += 2 + be(p + at, 2);
	MUST(at <= n);
	return at;
}

static size_t tpm2bs_end(const uint8_t *p, size_t n, size_t at, unsigned count)
{
	while (count-- > 0) {
		at = tpm2b_end(p, n, at);
	}
	return at;
}

/* Steps over TPM2B_ATTEST and TPMT_SIGNATURE, by RSASSA or ECDSA. */
static size_t attested_end(const uint8_t *p, size_t n)
{
	size_t at = tpm2b_end(p, n, 0);

	MUST(n - at >= 4 && (be(p + at, 2) == TPM2_ALG_RSASSA || be(p + at, 2) == TPM2_ALG_ECDSA));
	return tpm2bs_end(p, n, at + 4, be(p + at, 2) == TPM2_ALG_ECDSA ? 2 : 1);
}

/* Steps over pcrUpdateCounter, TPML_PCR_SELECTION and TPML_DIGEST. */
static size_t pcrs_end(const uint8_t *p, size_t n)
{
	size_t at = 8;
	uint32_t count;

	MUST(n >= 8);
	for (count = be(p + 4, 4); count > 0; count--) {
		MUST(n - at >= 3 && n - at - 3 >= p[at + 2]);
		at += 3U + p[at + 2];
	}
	MUST(n - at >= 4);
	return tpm2bs_end(p, n, at + 4, be(p + at, 4));
}

/* Where the parameters that attestd reads from this response end; SIZE_MAX if it reads none. */
static size_t parameters_end(uint32_t code, const uint8_t *p, size_t n)
{
	switch (code) {
	case TPM2_CC_CreatePrimary: /* the creation ticket lies between them */
		return tpm2bs_end(p, n, tpm2bs_end(p, n, 0, 3) + 6, 2);
	case TPM2_CC_ActivateCredential:
	case TPM2_CC_NV_Read:
	case TPM2_CC_StartAuthSession:
		return tpm2b_end(p, n, 0);
	case TPM2_CC_Certify:
	case TPM2_CC_CertifyCreation:
	case TPM2_CC_Quote:
		return attested_end(p, n);
	case TPM2_CC_PolicySecret:
		return tpm2b_end(p, n, tpm2b_end(p, n, 0) + 6);
	case TPM2_CC_ContextLoad:
		return 0;
	case TPM2_CC_ContextSave:
		return tpm2b_end(p, n, 16);
	case TPM2_CC_NV_ReadPublic:
		return tpm2bs_end(p, n, 0, 2);
	case TPM2_CC_ReadPublic:
		return tpm2bs_end(p, n, 0, 3);
	case TPM2_CC_GetCapability: /* the count says how many handles or properties follow */
		MUST(n >= 9);
		return 9 + (size_t)be(p + 5, 4) * (be(p + 1, 4) == TPM2_CAP_HANDLES ? 4 : 8);
	case TPM2_CC_PCR_Read:
		return pcrs_end(p, n);
	default:
		return SIZE_MAX;
	}
}

static void check_accepted(struct command_shape shape, const uint8_t *p, size_t n)
{
	size_t at, params, end;

	MUST(n >= HEADER && be(p + 2, 4) == n);
	if (be(p + 6, 4) != 0) {
		MUST(n == HEADER && be(p, 2) == TPM2_ST_NO_SESSIONS);
		MUST(be(p + 6, 2) == 0 || be(p + 6, 2) == 11 || be(p + 6, 2) == 12);
		return;
	}
	MUST(be(p, 2) == shape.tag);
	MUST(shape.tag != 0);
	at = HEADER + handle_len(shape.code);
	MUST(n >= at);
	params = n - at;
	if (shape.tag == TPM2_ST_SESSIONS) {
		MUST(n >= at + 4);
		params = be(p + at, 4);
		at += 4;
		MUST(params <= n - at);
		MUST(sessions_end(p, n, at + params, shape.sessions) == n);
	}
	end = parameters_end(shape.code, p + at, params);
	MUST(end == params || end == SIZE_MAX);
}

/* A response is refused if it is shorter or longer than its own length fields say. */
static void check_other_length(struct command_shape shape, const uint8_t *p, size_t n)
{
	uint8_t *longer = exact(NULL, n + 1);
	uint8_t *shorter = exact(p, n - 1);

	memcpy(longer, p, n);
	MUST(tpm_response_check(shape, longer, n + 1) == -ERR_TPM_RESPONSE);
	MUST(tpm_response_check(shape, shorter, n - 1) == -ERR_TPM_RESPONSE);
	free(shorter);
	free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {.p = data, .n = size};
	struct input given = input_bytes(&in);
	uint8_t *command = exact(given.p, given.n);
	uint8_t *response = exact(in.p, in.n);
	struct command_shape shape = command_shape(command, given.n);
	int e = tpm_response_check(shape, response, in.n);

	if (shape.tag != 0 || shape.code != 0) {
		MUST(given.n >= HEADER && be(command, 2) == shape.tag);
		MUST(be(command + 2, 4) == given.n && be(command + 6, 4) == shape.code);
	}
	MUST(shape.sessions == 0 || shape.tag == TPM2_ST_SESSIONS);
	MUST(shape.sessions * 9 <= given.n);
	if (e == 0) {
		check_accepted(shape, response, in.n);
		check_other_length(shape, response, in.n);
	} else if (e == -ERR_TPM_VERSION) {
		MUST(be(response, 2) == TPM2_ST_RSP_COMMAND && be(response + 2, 4) == in.n);
	} else {
		MUST(e == -ERR_TPM_RESPONSE);
	}
	free(response);
	free(command);
	return 0;
}
