/* src/wire/attest.c: quotes are read; other structures and damaged quotes are refused. */
#include "unit.h"

#include "err.h"
#include "wire/attest.h"

#define SHA1 0x0004
#define SHA256 0x000b
#define SHA512 0x000d

/* From tpm2_quote of swtpm 0.7, with the PCRs sha256:0,7,14,23; sha256:0,7+sha1:3; sha512:none. */
#define SIGNER "0022000bd0406cd1c2160255803b6b0685fdcbf19769e27842158f27c98de6cf961fdedf"
static const char one_bank[] =
	"ff5443478018" SIGNER "00080102030405060708000000000000085f0000000100000000012019102300"
	"16363600000001000b03814080002038723a2e5e8a17aa7950dc008209944e898f69a7bd10a23c839d341e93"
	"5fd5ca";
static const char two_banks[] =
	"ff5443478018" SIGNER "0001010000000000000870000000010000000001201910230016363600000002"
	"000b0381000000040308000000204fea5e6a3ec5f5474a26d858bc77b6d7bd3ab864ea02d988683fdc648602"
	"b248";
static const char no_pcr[] =
	"ff5443478018" SIGNER "000101000000000000087e000000010000000001201910230016363600000001"
	"000d030000000020e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

static int read_exact(const uint8_t *p, size_t n, uint16_t bank, struct attest_quote *out)
{
	static const struct attest_quote zero;
	uint8_t *copy = exact(p, n);
	int e;

	memset(out, 0xee, sizeof *out);
	e = attest_quote_read(copy, n, bank, out);
	if (e != 0) {
		assert_int_equal(e, -ERR_TPM_RESPONSE);
		assert_memory_equal(out, &zero, sizeof zero);
	} else { /* the pointers must point into p, and be valid as long as p is */
		assert_true(out->nonce >= copy && out->nonce + out->nonce_len <= copy + n);
		assert_true(out->digest >= copy && out->digest + out->digest_len == copy + n);
		out->nonce = p + (out->nonce - copy);
		out->digest = p + (out->digest - copy);
	}
	free(copy);
	return e;
}

static void reads_quotes_of_a_tpm(void **state)
{
	static const uint8_t nonce[] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct attest_quote q;
	size_t n;
	uint8_t *p = unhex(one_bank, &n);

	(void)state;
	assert_int_equal(read_exact(p, n, SHA256, &q), 0);
	assert_int_equal(q.pcrs, 1 << 0 | 1 << 7 | 1 << 14 | 1 << 23);
	assert_int_equal(q.nonce_len, sizeof nonce);
	assert_memory_equal(q.nonce, nonce, sizeof nonce);
	assert_int_equal(q.digest_len, 32);
	assert_int_equal(q.digest[0], 0x38);
	assert_int_equal(q.digest[31], 0xca);
	assert_int_equal(read_exact(p, n, SHA1, &q), -ERR_TPM_RESPONSE);
	assert_int_equal(read_exact(p, n, 0, &q), -ERR_TPM_RESPONSE);
	free(p);
	p = unhex(two_banks, &n);
	assert_int_equal(read_exact(p, n, SHA256, &q), -ERR_TPM_RESPONSE);
	assert_int_equal(read_exact(p, n, SHA1, &q), -ERR_TPM_RESPONSE);
	free(p);
	p = unhex(no_pcr, &n);
	assert_int_equal(read_exact(p, n, SHA512, &q), 0);
	assert_int_equal(q.pcrs, 0);
	assert_int_equal(q.digest_len, 32);
	assert_int_equal(read_exact(p, n, SHA256, &q), -ERR_TPM_RESPONSE);
	free(p);
}

/* A quote with these PCR selections: how many there are, and their bytes. */
static int read_selection(const char *hex, uint32_t *pcrs)
{
	static const char end[] = "0003aabbcc";
	char text[1024];
	struct attest_quote q;
	size_t n;
	uint8_t *p;
	int e;

	snprintf(text, sizeof text,
		 "ff5443478018000100"
		 "0000"
		 "%050d"
		 "%s%s",
		 0, hex, end);
	p = unhex(text, &n);
	e = read_exact(p, n, SHA256, &q);
	*pcrs = q.pcrs;
	if (e == 0) {
		assert_int_equal(q.nonce_len, 0);
		assert_int_equal(q.digest_len, 3);
		assert_int_equal(q.digest[2], 0xcc);
	}
	free(p);
	return e;
}

static void reads_selections(void **state)
{
	static const struct {
		const char *hex;
		int want;
		uint32_t pcrs;
	} all[] = {
		{"00000001"
		 "000b"
		 "03"
		 "ff4000",
		 0, 0x40ff},
		{"00000001"
		 "000b"
		 "03"
		 "ffffff",
		 0, 0xffffff},
		{"00000001"
		 "000b"
		 "02"
		 "ff40",
		 0, 0x40ff},
		{"00000001"
		 "000b"
		 "01"
		 "80",
		 0, 0x80},
		{"00000001"
		 "000b"
		 "00",
		 0, 0},
		{"00000001"
		 "000b"
		 "04"
		 "01000000",
		 0, 1},
		{"00000001"
		 "000b"
		 "04"
		 "01000001",
		 -ERR_TPM_RESPONSE, 0},
		{"00000001"
		 "000b"
		 "04"
		 "01000080",
		 -ERR_TPM_RESPONSE, 0},
		{"00000001"
		 "000b"
		 "05"
		 "0100000000",
		 -ERR_TPM_RESPONSE, 0},
		{"00000001"
		 "000c"
		 "03"
		 "010000",
		 -ERR_TPM_RESPONSE, 0},
		{"00000001"
		 "000c"
		 "03"
		 "000000",
		 -ERR_TPM_RESPONSE, 0},
		{"00000001"
		 "0b00"
		 "03"
		 "010000",
		 -ERR_TPM_RESPONSE, 0},
		{"00000002"
		 "000b"
		 "03"
		 "010000"
		 "000b"
		 "03"
		 "020000",
		 -ERR_TPM_RESPONSE, 0},
		{"00000002"
		 "000b"
		 "03"
		 "010000"
		 "0004"
		 "03"
		 "000000",
		 -ERR_TPM_RESPONSE, 0},
		{"00000002"
		 "000b"
		 "03"
		 "010000",
		 -ERR_TPM_RESPONSE, 0},
		{"00000000", 0, 0},
		{"00000000"
		 "000b"
		 "03"
		 "010000",
		 -ERR_TPM_RESPONSE, 0},
		{"ffffffff"
		 "000b"
		 "03"
		 "010000",
		 -ERR_TPM_RESPONSE, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		uint32_t pcrs;
		int e = read_selection(all[i].hex, &pcrs);

		if (e != all[i].want || pcrs != all[i].pcrs) {
			fail_msg("%s: %d, %x", all[i].hex, e, pcrs);
		}
	}
}

/* Is this byte of `one_bank` checked by the caller or the verifier, and not by attest.c? */
static bool is_free(size_t at)
{
	return (at >= 8 && at < 42) /* qualifiedSigner */
	       || (at >= 44 && at < 52) /* extraData */
	       || (at >= 52 && at < 77) /* clockInfo, firmwareVersion */
	       || (at >= 84 && at < 87) /* pcrSelect */
	       || (at >= 89 && at < 121); /* pcrDigest */
}

static void checks_every_byte(void **state)
{
	struct attest_quote q;
	size_t n, taken = 0;
	uint8_t *p = unhex(one_bank, &n);

	(void)state;
	assert_int_equal(n, 121);
	for (size_t cut = 0; cut < n; cut++) {
		assert_int_equal(read_exact(p, cut, SHA256, &q), -ERR_TPM_RESPONSE);
	}
	for (size_t at = 0; at < n; at++) {
		for (unsigned change = 1; change < 256; change++) {
			int e;

			p[at] ^= (uint8_t)change;
			e = read_exact(p, n, SHA256, &q);
			p[at] ^= (uint8_t)change;
			if (e != (is_free(at) ? 0 : -ERR_TPM_RESPONSE)) {
				fail_msg("byte %zu, changed by %x: %d", at, change, e);
			}
			taken += e == 0;
		}
	}
	assert_int_equal(taken, 255 * (34 + 8 + 25 + 3 + 32));
	free(p);
}

static void refuses_bytes_behind(void **state)
{
	struct attest_quote q;
	char text[sizeof one_bank + 2];
	size_t n;
	uint8_t *p;

	(void)state;
	snprintf(text, sizeof text, "%s00", one_bank);
	p = unhex(text, &n);
	assert_int_equal(read_exact(p, n, SHA256, &q), -ERR_TPM_RESPONSE);
	assert_int_equal(read_exact(p, n - 1, SHA256, &q), 0);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_quotes_of_a_tpm),
		cmocka_unit_test(reads_selections),
		cmocka_unit_test(checks_every_byte),
		cmocka_unit_test(refuses_bytes_behind),
	};

	return cmocka_run_group_tests_name("attest", tests, NULL, NULL);
}
