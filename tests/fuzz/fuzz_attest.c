/*
 * src/wire/attest.c. The input: a bank, then bytes that may be a quote. The lengths of
 * each quote that is accepted are computed a second time, by hand.
 */
#include "fuzz.h"

#include "wire/attest.h"

static uint32_t be(const uint8_t *p, size_t n)
{
	uint32_t v = 0;

	while (n-- > 0) {
		v = v << 8 | *p++;
	}
	return v;
}

static int read_exact(const uint8_t *p, size_t n, uint16_t bank)
{
	uint8_t *copy = exact(p, n);
	struct attest_quote q;
	int e;

	memset(&q, 0xee, sizeof q);
	e = attest_quote_read(copy, n, bank, &q);
	MUST(e == 0 || (e == -ERR_TPM_RESPONSE && all_zero(&q, sizeof q)));
	free(copy);
	return e;
}

static void check_taken(const uint8_t *p, size_t n, uint16_t bank, const struct attest_quote *q)
{
	size_t signer = be(p + 6, 2), nonce = 8 + signer + 2;
	size_t selection = nonce + q->nonce_len + 25, digest = selection + 4;
	uint32_t pcrs = 0;

	MUST(be(p, 4) == 0xff544347 && be(p + 4, 2) == 0x8018);
	MUST(be(p + nonce - 2, 2) == q->nonce_len && q->nonce == p + nonce);
	MUST(be(p + selection, 4) <= 1);
	if (be(p + selection, 4) == 1) {
		size_t size = p[selection + 6];

		MUST(be(p + selection + 4, 2) == bank && size <= 4);
		for (size_t i = 0; i < size; i++) {
			pcrs += (uint32_t)p[selection + 7 + i] << (8 * i);
		}
		digest += 3 + size;
	}
	MUST(q->pcrs == pcrs && pcrs < 1U << 24);
	MUST(be(p + digest, 2) == q->digest_len && q->digest == p + digest + 2);
	MUST(digest + 2 + q->digest_len == n);
	if (be(p + selection, 4) == 1) { /* the same quote must be refused for every other bank */
		MUST(read_exact(p, n, bank ^ 1) == -ERR_TPM_RESPONSE);
	}
}

/* A quote is refused if it is shorter or longer than its own length fields say. */
static void check_other_length(const uint8_t *p, size_t n, uint16_t bank)
{
	uint8_t *longer = exact(NULL, n + 1);

	memcpy(longer, p, n);
	MUST(read_exact(longer, n + 1, bank) == -ERR_TPM_RESPONSE);
	for (size_t cut = 0; cut < n; cut += 1 + n / 64) {
		MUST(read_exact(p, cut, bank) == -ERR_TPM_RESPONSE);
	}
	MUST(read_exact(p, n - 1, bank) == -ERR_TPM_RESPONSE);
	free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {.p = data, .n = size};
	uint16_t bank = input_u8(&in);
	struct attest_quote q;
	uint8_t *p;

	bank = (uint16_t)(bank << 8 | input_u8(&in));
	p = exact(in.p, in.n);
	memset(&q, 0xee, sizeof q);
	if (attest_quote_read(p, in.n, bank, &q) == 0) {
		check_taken(p, in.n, bank, &q);
		check_other_length(p, in.n, bank);
	} else {
		MUST(read_exact(p, in.n, bank) == -ERR_TPM_RESPONSE);
	}
	free(p);
	return 0;
}
