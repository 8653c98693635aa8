/*
 * No branch and no address depends on a secret.
 *
 * To be run under valgrind: secrets are marked as not initialised, and memcheck reports each
 * jump and each address that depends on one. Code that is known to leak is tried, too, to
 * show that memcheck sees it.
 */
#include "unit.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <valgrind/memcheck.h>

#include "base/wipe.h"
#include "crypto/cipher.h"
#include "crypto/digest.h"
#include "port.h"
#include "rsa_key.h"
#include "wire/base64.h"
#include "wire/reply.h"

#define SECRET_LEN 32

static uint8_t secret[SECRET_LEN]; /* each case has a process of its own */
static uint8_t other[SECRET_LEN];
static char text[128];
static volatile unsigned sink; /* keeps results that nobody uses */

/* The seeds of ciphers are secrets, too. */
int port_random(uint8_t *buf, size_t n)
{
	memset(buf, 0x5a, n);
	(void)VALGRIND_MAKE_MEM_UNDEFINED(buf, n);
	return 0;
}

/* ---- what must not leak ------------------------------------------------- */

static void encodes(void)
{
	for (size_t n = 0; n <= SECRET_LEN; n++) {
		base64_encode(secret, n, text);
	}
}

static void replies(void)
{
	struct text t = text_in(text, sizeof(text));

	reply_ok(&t);
	reply_member(&t, "decrypted_secret", secret, SECRET_LEN);
	reply_end(&t);
}

/* The last characters may be padding, which is no secret. And of all characters together it
 * may become known whether one is white space, and whether all are of the alphabet. */
static void decodes(void)
{
	uint8_t out[SECRET_LEN];
	size_t n;

	memset(text, 'x', 40);
	(void)VALGRIND_MAKE_MEM_UNDEFINED(text, 38);
	(void)base64_decode(text, 40, out, &n);
}

static void compares(void)
{
	sink = equal_ct(secret, other, SECRET_LEN);
}

static void wipes(void)
{
	wipe(secret, SECRET_LEN);
	wipe_stack();
}

static void enciphers(void)
{
	uint8_t iv[16];

	memcpy(iv, other, sizeof(iv));
	sink = cipher_aes_encrypt(secret, TPM2_ALG_AES, 128, TPM2_ALG_CFB, secret + 16, 16, iv,
				  NULL);
	sink = cipher_aes_decrypt(secret, TPM2_ALG_AES, 256, TPM2_ALG_CFB, other, SECRET_LEN, iv,
				  NULL);
}

static void hashes_with(TPM2_ALG_ID alg)
{
	ESYS_CRYPTO_CONTEXT_BLOB *context = NULL;
	uint8_t out[64];
	size_t n = sizeof(out);

	sink = digest_hmac_start(&context, alg, secret, SECRET_LEN, NULL);
	sink = digest_hmac_update(context, other, SECRET_LEN, NULL);
	sink = digest_hmac_finish(&context, out, &n, NULL);
	n = sizeof(out);
	sink = digest_hash_start(&context, alg, NULL);
	sink = digest_hash_update(context, secret, SECRET_LEN, NULL);
	sink = digest_hash_finish(&context, out, &n, NULL);
}

static void hashes(void)
{
	static const TPM2_ALG_ID algs[] = {TPM2_ALG_SHA1, TPM2_ALG_SHA256, TPM2_ALG_SHA384,
					   TPM2_ALG_SHA512};

	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
		hashes_with(algs[i]);
	}
}

static void salts(void)
{
	static TPM2B_PUBLIC key = {
		.publicArea = {.type = TPM2_ALG_RSA, .nameAlg = TPM2_ALG_SHA256}};
	uint8_t out[256];
	size_t n;

	key.publicArea.unique.rsa.size = sizeof(rsa_modulus);
	memcpy(key.publicArea.unique.rsa.buffer, rsa_modulus, sizeof(rsa_modulus));
	sink = cipher_rsa_oaep(&key, SECRET_LEN, secret, sizeof(out), out, &n, "SECRET", NULL);
}

/* ---- what does ------------------------------------------------------------ */

static void compares_to_the_first_difference(void)
{
	size_t i = 0;

	while (i < SECRET_LEN && ((volatile uint8_t *)secret)[i] == other[i]) {
		i++;
	}
	sink = (unsigned)i;
}

static void looks_up(void)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/";
	const volatile char *table = alphabet;

	sink = (unsigned char)table[secret[0] & 31];
}

/* ---- how it is seen --------------------------------------------------------- */

#define LEAKS UINT32_MAX

static const struct {
	const char *name;
	void (*run)(void);
	uint32_t reports; /* LEAKS: any number but 0 */
} cases[] = {
	{"encodes", encodes, 0},
	{"replies", replies, 0},
	{"decodes", decodes, 2},
	{"compares", compares, 0},
	{"wipes", wipes, 0},
	{"enciphers", enciphers, 0},
	{"hashes", hashes, 0},
	{"salts", salts, 0},
	{"compares to the first difference", compares_to_the_first_difference, LEAKS},
	{"looks up", looks_up, LEAKS},
};

/* Returns how many errors memcheck reports for it. A process of its own, because it fails
 * then. */
static uint32_t reports_of(void (*run)(void))
{
	uint32_t *count = mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint32_t n;
	pid_t pid;

	assert_true(count != MAP_FAILED);
	*count = LEAKS;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)VALGRIND_MAKE_MEM_UNDEFINED(secret, SECRET_LEN);
		run();
		*count = VALGRIND_COUNT_ERRORS;
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	n = *count;
	assert_int_equal(munmap(count, sizeof(*count)), 0);
	return n;
}

static void test_constant_time(void **state)
{
	(void)state;
	assert_true(RUNNING_ON_VALGRIND);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t n = reports_of(cases[i].run);

		print_message("%s: %u\n", cases[i].name, (unsigned)n);
		assert_int_not_equal(n, LEAKS); /* it has run to its end */
		if (cases[i].reports == LEAKS) {
			assert_int_not_equal(n, 0);
		} else {
			assert_int_equal(n, cases[i].reports);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_constant_time)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
