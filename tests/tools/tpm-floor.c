/*
 * tpm-floor: measures the shortest time in which a TPM can activate a credential or, with
 * --quote, quote PCRs 0 to 7.
 *
 * Sends /dev/tpmrm0 the TPM commands that attestd sends for one
 * activateCredential, marshalled by hand, with nothing around them: 7, or 5
 * where the EK is persistent at 0x81010001; for one quote 4. What can be prepared
 * (the keys' contexts, the credential, the encrypted salt) is prepared, and not measured.
 */
#include "lib/kdf.h"
#include "lib/keys.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EK_PERSISTENT 0x81010001U
#define RH_NULL 0x40000007U
#define RH_ENDORSEMENT 0x4000000BU

#define CC_ActivateCredential 0x147U
#define CC_Quote 0x158U
#define CC_PolicySecret 0x151U
#define CC_MakeCredential 0x168U
#define CC_StartAuthSession 0x176U
#define CC_PCR_Read 0x17EU

#define ROUNDS_MAX 100000

static bool persistent, quotes;
static struct key ek, aik;
static struct bytes credential, secret; /* TPM2_ActivateCredential's */
static uint8_t expected[SHA256_SIZE];
static uint8_t salt[SHA256_SIZE], sealed_salt[256];

/* ---- preparation ----------------------------------------------------- */

static void make_credential(void)
{
	struct message c, r;
	const uint8_t *p;
	size_t n;

	random_bytes(expected, sizeof expected);
	msg_begin(&c, TPM_ST_NO_SESSIONS, CC_MakeCredential);
	msg_u32(&c, ek.handle);
	msg_2b(&c, expected, sizeof expected);
	msg_2b(&c, aik.name.p, aik.name.n);
	keys_transmit(&c, &r, "MakeCredential");
	p = msg_get_2b(&r, &n);
	keys_keep(&credential, p, n);
	p = msg_get_2b(&r, &n);
	keys_keep(&secret, p, n);
}

static void prepare(void)
{
	if (persistent) {
		ek.handle = EK_PERSISTENT;
		key_read_public(&ek);
	} else {
		key_create(&ek, keys_ek_template);
	}
	key_create(&aik, keys_aik_template);
	make_credential();
	random_bytes(salt, sizeof salt);
	rsa_oaep(ek.modulus.p, ek.modulus.n, "SECRET", salt, sizeof salt, sealed_salt);
	key_flush(&aik);
	if (!persistent)
		key_flush(&ek);
}

/* ---- one activation -------------------------------------------------- */

struct session {
	uint32_t handle;
	uint8_t key[SHA256_SIZE], nonce_tpm[SHA256_SIZE], nonce_caller[SHA256_SIZE];
};

static void take_nonce(struct session *s, struct message *r)
{
	size_t n;
	const uint8_t *p = msg_get_2b(r, &n);

	if (p == NULL || n != SHA256_SIZE)
		exit(1);
	memcpy(s->nonce_tpm, p, n);
}

static void start_session(struct session *s)
{
	struct message c, r;

	memset(s->nonce_caller, 0x11, SHA256_SIZE);
	msg_begin(&c, TPM_ST_NO_SESSIONS, CC_StartAuthSession);
	msg_u32(&c, ek.handle);
	msg_u32(&c, RH_NULL);
	msg_2b(&c, s->nonce_caller, SHA256_SIZE);
	msg_2b(&c, sealed_salt, sizeof sealed_salt);
	msg_u8(&c, 0x01); /* policy */
	msg_u16(&c, 0x0006);
	msg_u16(&c, 128);
	msg_u16(&c, 0x0043);
	msg_u16(&c, 0x000B);
	keys_transmit(&c, &r, "StartAuthSession");
	s->handle = msg_get_u32(&r);
	take_nonce(s, &r);
	kdfa(salt, sizeof salt, "ATH", s->nonce_tpm, s->nonce_caller, s->key, SHA256_SIZE);
}

static void policy_secret(const struct session *s)
{
	struct message c, r;

	msg_begin(&c, TPM_ST_SESSIONS, CC_PolicySecret);
	msg_u32(&c, RH_ENDORSEMENT);
	msg_u32(&c, s->handle);
	msg_password(&c);
	msg_u16(&c, 0); /* nonceTPM, cpHashA, policyRef, expiration */
	msg_u16(&c, 0);
	msg_u16(&c, 0);
	msg_u32(&c, 0);
	keys_transmit(&c, &r, "PolicySecret");
}

static void activate(struct session *s, struct message *r)
{
	struct message c, parameters;
	uint8_t cc[4], cp_hash[SHA256_SIZE], mac[SHA256_SIZE], attributes = 0x40; /* encrypt */

	parameters.n = 0;
	msg_2b(&parameters, credential.p, credential.n);
	msg_2b(&parameters, secret.p, secret.n);
	tpm_put32(cc, CC_ActivateCredential);
	struct piece command[] = {
		{cc, 4},
		{aik.name.p, aik.name.n},
		{ek.name.p, ek.name.n},
		{parameters.b, parameters.n},
	};
	sha256(command, 4, cp_hash);
	memset(s->nonce_caller, 0x22, SHA256_SIZE);
	struct piece proof[] = {
		{cp_hash, SHA256_SIZE},
		{s->nonce_caller, SHA256_SIZE},
		{s->nonce_tpm, SHA256_SIZE},
		{&attributes, 1},
	};
	hmac_sha256(s->key, SHA256_SIZE, proof, 4, mac);
	msg_begin(&c, TPM_ST_SESSIONS, CC_ActivateCredential);
	msg_u32(&c, aik.handle);
	msg_u32(&c, ek.handle);
	msg_u32(&c, 9 + 4 + 2 + SHA256_SIZE + 1 + 2 + SHA256_SIZE);
	msg_u32(&c, 0x40000009U);
	msg_u16(&c, 0);
	msg_u8(&c, 0);
	msg_u16(&c, 0);
	msg_u32(&c, s->handle);
	msg_2b(&c, s->nonce_caller, SHA256_SIZE);
	msg_u8(&c, attributes);
	msg_2b(&c, mac, SHA256_SIZE);
	msg_bytes(&c, parameters.b, parameters.n);
	keys_transmit(&c, r, "ActivateCredential");
}

/* Returns whether the TPM has answered with the secret that is in the credential. */
static bool check(struct session *s, struct message *r)
{
	uint8_t derived[32], plain[64];
	const uint8_t *p;
	size_t n;

	msg_get_u32(r); /* parameterSize */
	p = msg_get_2b(r, &n);
	if (p == NULL || n != sizeof expected)
		return false;
	memcpy(plain, p, n);
	msg_get(r, 5); /* the password session's nonce, attributes, hmac */
	take_nonce(s, r);
	kdfa(s->key, SHA256_SIZE, "CFB", s->nonce_tpm, s->nonce_caller, derived, 32);
	aes128_cfb_decrypt(derived, derived + 16, plain, n);
	return memcmp(plain, expected, n) == 0;
}

static double activation_us(void)
{
	struct timespec from, to;
	struct session s;
	struct message r;

	clock_gettime(CLOCK_MONOTONIC, &from);
	if (!persistent)
		key_load(&ek);
	key_load(&aik);
	start_session(&s);
	policy_secret(&s);
	activate(&s, &r);
	key_flush(&aik);
	if (!persistent)
		key_flush(&ek);
	clock_gettime(CLOCK_MONOTONIC, &to);
	if (!check(&s, &r)) {
		fprintf(stderr, "tpm-floor: another secret came out\n");
		exit(1);
	}
	return (double)(to.tv_sec - from.tv_sec) * 1e6 + (double)(to.tv_nsec - from.tv_nsec) / 1e3;
}

/* ---- one quote ------------------------------------------------------- */

/* TPML_PCR_SELECTION: 0 to 7, of SHA-256. */
static void selection(struct message *m)
{
	static const uint8_t pcrs[] = {3, 0xff, 0, 0};

	msg_u32(m, 1);
	msg_u16(m, 0x000B);
	msg_bytes(m, pcrs, sizeof pcrs);
}

static void quote(struct message *r)
{
	struct message c;

	msg_begin(&c, TPM_ST_SESSIONS, CC_Quote);
	msg_u32(&c, aik.handle);
	msg_password(&c);
	msg_2b(&c, salt, sizeof salt); /* the salt serves as the nonce */
	msg_u16(&c, 0x0010); /* the key's own scheme */
	selection(&c);
	keys_transmit(&c, r, "Quote");
}

static uint32_t read_pcrs(void)
{
	struct message c, r;

	msg_begin(&c, TPM_ST_NO_SESSIONS, CC_PCR_Read);
	selection(&c);
	keys_transmit(&c, &r, "PCR_Read");
	msg_get(&r, 4 + 4 + 2 + 4); /* the counter, and the selection */
	return msg_get_u32(&r);
}

static double quote_us(void)
{
	struct timespec from, to;
	struct message r;
	const uint8_t *quoted;
	uint32_t values;
	size_t n;

	clock_gettime(CLOCK_MONOTONIC, &from);
	key_load(&aik);
	quote(&r);
	values = read_pcrs();
	key_flush(&aik);
	clock_gettime(CLOCK_MONOTONIC, &to);
	msg_get_u32(&r); /* parameterSize */
	quoted = msg_get_2b(&r, &n);
	if (quoted == NULL || n < 6 || memcmp(quoted, "\xffTCG\x80\x18", 6) != 0 || values != 8) {
		fprintf(stderr, "tpm-floor: that is no quote of eight PCRs\n");
		exit(1);
	}
	return (double)(to.tv_sec - from.tv_sec) * 1e6 + (double)(to.tv_nsec - from.tv_nsec) / 1e3;
}

/* ---- rounds ---------------------------------------------------------- */

static double sample_us(void)
{
	return quotes ? quote_us() : activation_us();
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(size_t rounds)
{
	static double us[ROUNDS_MAX];

	if (rounds == 0 || rounds > ROUNDS_MAX)
		rounds = 1;
	printf("{\"rounds\":%zu,\"samples_us\":[", rounds);
	for (size_t i = 0; i < rounds; i++) {
		us[i] = sample_us();
		printf("%s%.1f", i == 0 ? "" : ",", us[i]);
	}
	qsort(us, rounds, sizeof *us, ascending);
	printf("],\"median_us\":%.1f,\"p90_us\":%.1f}\n", us[rounds / 2], us[rounds * 9 / 10]);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	char line[32];
	int next = 1;

	if (next < argc && strcmp(argv[next], "--persistent") == 0) {
		persistent = true;
		next++;
	}
	if (next < argc && strcmp(argv[next], "--quote") == 0) {
		quotes = true;
		next++;
	}
	if (argc > next + 1 || (next < argc && argv[next][0] == '-')) {
		fputs("usage: tpm-floor [--persistent] [--quote] [ROUNDS, or a line each]\n",
		      stderr);
		return 64;
	}
	keys_tpm = open("/dev/tpmrm0", O_RDWR | O_CLOEXEC);
	if (keys_tpm < 0) {
		perror("tpm-floor: /dev/tpmrm0");
		return 1;
	}
	prepare();
	sample_us();
	if (next < argc)
		measure(strtoul(argv[next], NULL, 10));
	else
		while (fgets(line, sizeof line, stdin) != NULL)
			measure(strtoul(line, NULL, 10));
	return 0;
}
