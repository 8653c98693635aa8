/*
 * tpm-floor: how fast a TPM can activate a credential at all.
 *
 * Sends /dev/tpmrm0 the TPM commands that attestd sends for one
 * activateCredential, marshalled by hand, with nothing around them: 7, or 5
 * where the EK is persistent at 0x81010001. What can be prepared (the keys'
 * contexts, the credential, the encrypted salt) is, outside of the times.
 */
#include "lib/kdf.h"
#include "lib/marshal.h"

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
#define TPM_RC_RETRY 0x922U

#define CC_CreatePrimary 0x131U
#define CC_ActivateCredential 0x147U
#define CC_PolicySecret 0x151U
#define CC_ContextLoad 0x161U
#define CC_ContextSave 0x162U
#define CC_MakeCredential 0x168U
#define CC_ReadPublic 0x173U
#define CC_StartAuthSession 0x176U

#define ROUNDS_MAX 100000

struct bytes {
	uint8_t p[2048];
	size_t n;
};
struct key {
	uint32_t handle; /* while it is loaded; always, if persistent */
	struct bytes context, name, modulus;
};

static int tpm;
static bool persistent;
static struct key ek, aik;
static struct bytes credential, secret; /* TPM2_ActivateCredential's */
static uint8_t expected[SHA256_SIZE];
static uint8_t salt[SHA256_SIZE], sealed_salt[256];

static void transmit(struct message *c, struct message *r, const char *what)
{
	uint32_t rc;

	/* The first use of a key with dictionary-attack protection after a
	 * start of the TPM is answered so. */
	do
		rc = msg_transmit(tpm, c, r);
	while (rc == TPM_RC_RETRY);
	if (rc == 0)
		return;
	fprintf(stderr, "tpm-floor: %s: 0x%x\n", what, rc);
	exit(1);
}

static void keep(struct bytes *to, const uint8_t *p, size_t n)
{
	if (p == NULL || n > sizeof to->p) {
		fprintf(stderr, "tpm-floor: malformed response\n");
		exit(1);
	}
	memcpy(to->p, p, n);
	to->n = n;
}

/* ---- preparation ----------------------------------------------------- */

/* TPMT_PUBLIC of the EK, template L-1 of the TCG EK Credential Profile. */
static void ek_template(struct message *m)
{
	static const uint8_t policy[] = {
		0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc,
		0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52,
		0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
	};
	static const uint8_t unique[256];

	msg_u16(m, 0x0001); /* RSA */
	msg_u16(m, 0x000B);
	msg_u32(m, 0x000300B2);
	msg_2b(m, policy, sizeof policy);
	msg_u16(m, 0x0006); /* AES-128-CFB */
	msg_u16(m, 128);
	msg_u16(m, 0x0043);
	msg_u16(m, 0x0010); /* no scheme */
	msg_u16(m, 2048);
	msg_u32(m, 0);
	msg_2b(m, unique, sizeof unique);
}

static void aik_template(struct message *m)
{
	static const uint8_t unique[32];

	msg_u16(m, 0x0023); /* ECC */
	msg_u16(m, 0x000B);
	msg_u32(m, 0x00050072);
	msg_2b(m, NULL, 0);
	msg_u16(m, 0x0010); /* no symmetric */
	msg_u16(m, 0x0018); /* ECDSA with SHA-256 */
	msg_u16(m, 0x000B);
	msg_u16(m, 0x0003); /* P-256 */
	msg_u16(m, 0x0010); /* no kdf */
	msg_2b(m, unique, sizeof unique);
	msg_2b(m, unique, sizeof unique);
}

static void read_public(struct key *k)
{
	struct message c, r;
	const uint8_t *public, *name;
	size_t n, name_n;

	msg_begin(&c, TPM_ST_NO_SESSIONS, CC_ReadPublic);
	msg_u32(&c, k->handle);
	transmit(&c, &r, "ReadPublic");
	public = msg_get_2b(&r, &n);
	name = msg_get_2b(&r, &name_n);
	keep(&k->name, name, name_n);
	if (public[1] == 1 && n > 256) /* an RSA key ends in its modulus */
		keep(&k->modulus, public + n - 256, 256);
}

static void create(struct key *k, void (*template)(struct message *))
{
	struct message c, r, public;

	public.n = 0;
	template(&public);
	msg_begin(&c, TPM_ST_SESSIONS, CC_CreatePrimary);
	msg_u32(&c, RH_ENDORSEMENT);
	msg_password(&c);
	msg_u16(&c, 4); /* no authValue, no data */
	msg_u32(&c, 0);
	msg_2b(&c, public.b, public.n);
	msg_u16(&c, 0);
	msg_u32(&c, 0);
	transmit(&c, &r, "CreatePrimary");
	k->handle = msg_get_u32(&r);
	read_public(k);
	msg_begin(&c, TPM_ST_NO_SESSIONS, CC_ContextSave);
	msg_u32(&c, k->handle);
	transmit(&c, &r, "ContextSave");
	keep(&k->context, r.b + r.at, r.n - r.at);
}

static void flush(const struct key *k)
{
	struct message c, r;

	msg_begin(&c, TPM_ST_NO_SESSIONS, TPM_CC_FlushContext);
	msg_u32(&c, k->handle);
	transmit(&c, &r, "FlushContext");
}

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
	transmit(&c, &r, "MakeCredential");
	p = msg_get_2b(&r, &n);
	keep(&credential, p, n);
	p = msg_get_2b(&r, &n);
	keep(&secret, p, n);
}

static void prepare(void)
{
	if (persistent) {
		ek.handle = EK_PERSISTENT;
		read_public(&ek);
	} else {
		create(&ek, ek_template);
	}
	create(&aik, aik_template);
	make_credential();
	random_bytes(salt, sizeof salt);
	rsa_oaep(ek.modulus.p, ek.modulus.n, "SECRET", salt, sizeof salt, sealed_salt);
	flush(&aik);
	if (!persistent)
		flush(&ek);
}

/* ---- one activation -------------------------------------------------- */

struct session {
	uint32_t handle;
	uint8_t key[SHA256_SIZE], nonce_tpm[SHA256_SIZE], nonce_caller[SHA256_SIZE];
};

static void load(struct key *k)
{
	struct message c, r;

	msg_begin(&c, TPM_ST_NO_SESSIONS, CC_ContextLoad);
	msg_bytes(&c, k->context.p, k->context.n);
	transmit(&c, &r, "ContextLoad");
	k->handle = msg_get_u32(&r);
}

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
	transmit(&c, &r, "StartAuthSession");
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
	transmit(&c, &r, "PolicySecret");
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
	transmit(&c, r, "ActivateCredential");
}

/* Is it the secret that the credential was made for? */
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
		load(&ek);
	load(&aik);
	start_session(&s);
	policy_secret(&s);
	activate(&s, &r);
	flush(&aik);
	if (!persistent)
		flush(&ek);
	clock_gettime(CLOCK_MONOTONIC, &to);
	if (!check(&s, &r)) {
		fprintf(stderr, "tpm-floor: another secret came out\n");
		exit(1);
	}
	return (double)(to.tv_sec - from.tv_sec) * 1e6 + (double)(to.tv_nsec - from.tv_nsec) / 1e3;
}

/* ---- rounds ---------------------------------------------------------- */

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
		us[i] = activation_us();
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
	if (argc > next + 1 || (next < argc && argv[next][0] == '-')) {
		fputs("usage: tpm-floor [--persistent] [ROUNDS, or a line each]\n", stderr);
		return 64;
	}
	tpm = open("/dev/tpmrm0", O_RDWR | O_CLOEXEC);
	if (tpm < 0) {
		perror("tpm-floor: /dev/tpmrm0");
		return 1;
	}
	prepare();
	activation_us();
	if (next < argc)
		measure(strtoul(argv[next], NULL, 10));
	else
		while (fgets(line, sizeof line, stdin) != NULL)
			measure(strtoul(line, NULL, 10));
	return 0;
}
