/*
 * A table of chips' times, and which of the times a command takes.
 *
 * They are the averages that wolfTPM's examples/bench/bench printed on each chip,
 * as its README has them ("TPM2 Benchmarks", github.com/wolfSSL/wolfTPM): "RSA 2048
 * key gen", "Private" (a signature is one), "Priv OAEP", "ECC 256 key gen", "ECDSA
 * 256 sign" and "ECDHE 256 agree". What has no row of its own there takes what
 * "RSA 2048 Public" does, the shortest of them: a command and its answer cross the
 * bus, and little is done between the two. Keys of other sizes are not in that
 * benchmark; here they take the same.
 */
#include "chip.h"

#include <string.h>

#define ALG_RSA 0x0001U
#define ALG_ECC 0x0023U
#define ST_SESSIONS 0x8002U
#define CC_CreatePrimary 0x131U
#define CC_ReadPublic 0x173U

enum work { OTHER, RSA_KEY, RSA_SIGN, RSA_DECRYPT, ECC_KEY, ECC_SIGN, ECC_AGREE, WORKS };

static const char work_names[WORKS][12] = {
	"other", "rsa_key", "rsa_sign", "rsa_decrypt", "ecc_key", "ecc_sign", "ecc_agree",
};

static const struct chip {
	const char *name;
	int32_t us[WORKS];
} chips[] = {
	/* Infineon OPTIGA SLB9670, SPI at 43 MHz */
	{"slb9670", {8893, 2196230, 163207, 167399, 231350, 68865, 232144}},
	/* STMicroelectronics ST33TPHF2XSPI at 33 MHz */
	{"st33", {9122, 7455036, 247752, 251780, 219770, 42338, 247085}},
	/* Nuvoton NPCT750 at 43 MHz */
	{"npct750", {7490, 3408678, 70261, 70716, 84020, 56399, 29402}},
};
#define CHIPS (sizeof chips / sizeof *chips)

static const struct chip *chip;
static bool swapping;

/* The commands that use a private key: which of their handles is the key, and what the
 * operation is for an RSA and for an ECC key. */
static const struct {
	uint32_t cc, handle;
	enum work rsa, ecc;
} works[] = {
	{0x147, 1, RSA_DECRYPT, ECC_AGREE}, /* ActivateCredential */
	{0x148, 1, RSA_SIGN, ECC_SIGN}, /* Certify */
	{0x14A, 0, RSA_SIGN, ECC_SIGN}, /* CertifyCreation */
	{0x158, 0, RSA_SIGN, ECC_SIGN}, /* Quote */
	{0x176, 0, RSA_DECRYPT, ECC_AGREE}, /* StartAuthSession: the salt */
};

static uint32_t u16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

/* Returns the type in the TPM2B_PUBLIC that begins there; 0: there is none. */
static uint32_t type_at(const uint8_t *p, size_t n, size_t at)
{
	return at + 4 <= n ? u16(p + at + 2) : 0;
}

/* The template lies behind a handle, the authorisations and the sensitive part. */
static uint32_t template_type(const uint8_t *cmd, size_t n)
{
	size_t at = TPM_HEADER + 4;

	if (u16(cmd) == ST_SESSIONS)
		at += at + 4 <= n ? 4 + tpm_u32(cmd + at) : n;
	if (at > n || at + 2 > n)
		return 0;
	return type_at(cmd, n, at + 2 + u16(cmd + at));
}

/* Returns 0 if that is no key's handle, such as TPM_RH_NULL. */
static uint32_t key_type(struct tpm *t, const uint8_t *cmd, size_t n, uint32_t handle)
{
	uint8_t ask[14] = {0x80, 1, 0, 0, 0, 14, 0, 0, CC_ReadPublic >> 8, CC_ReadPublic & 0xFF};
	uint8_t rsp[TPM_BUFFER];
	size_t at = TPM_HEADER + 4 * handle, got;

	if (at + 4 > n)
		return 0;
	memcpy(ask + TPM_HEADER, cmd + at, 4);
	if (tpm_send(t, ask, sizeof ask) != 0)
		return 0;
	got = tpm_receive(t, rsp);
	return got >= TPM_HEADER && tpm_u32(rsp + 6) == 0 ? type_at(rsp, got, TPM_HEADER) : 0;
}

static enum work work_of(struct tpm *t, const uint8_t *cmd, size_t n)
{
	uint32_t cc = tpm_u32(cmd + 6), type;

	if (cc == CC_CreatePrimary) {
		type = template_type(cmd, n);
		return type == ALG_RSA ? RSA_KEY : type == ALG_ECC ? ECC_KEY : OTHER;
	}
	for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
		if (works[i].cc != cc)
			continue;
		type = key_type(t, cmd, n, works[i].handle);
		return type == ALG_RSA ? works[i].rsa : type == ALG_ECC ? works[i].ecc : OTHER;
	}
	return OTHER;
}

bool chip_be(const char *name, bool swaps)
{
	const struct chip *found = NULL;

	for (size_t i = 0; name != NULL && i < CHIPS; i++)
		if (strcmp(chips[i].name, name) == 0)
			found = &chips[i];
	if (name != NULL && found == NULL)
		return false;
	chip = found;
	swapping = swaps;
	return true;
}

int64_t chip_us(struct tpm *t, const uint8_t *cmd, size_t n)
{
	return chip == NULL ? 0 : chip->us[work_of(t, cmd, n)];
}

int64_t chip_retry_us(void)
{
	return chip == NULL ? 0 : chip->us[OTHER];
}

/* The time of so many commands that the resource manager itself sends. */
static int64_t swap_us(size_t count)
{
	return chip == NULL || !swapping ? 0 : (int64_t)count * chip->us[OTHER];
}

int64_t chip_before_us(const struct loaded *l)
{
	return swap_us(l->count);
}

int64_t chip_behind_us(const struct loaded *l)
{
	size_t count = l->count;

	/* Saving a session unloads it; an object has to be flushed as well. */
	for (size_t i = 0; i < l->count; i++)
		count += l->handles[i] >> 24 == 0x80;
	return swap_us(count);
}

void chip_print_all(FILE *out)
{
	for (size_t i = 0; i < CHIPS; i++) {
		fprintf(out, "%s\"%s\":{", i == 0 ? "{" : ",", chips[i].name);
		for (size_t w = 0; w < WORKS; w++)
			fprintf(out, "%s\"%s\":%.3f", w == 0 ? "" : ",", work_names[w],
				chips[i].us[w] / 1e3);
		fprintf(out, "}");
	}
	fprintf(out, "}");
}
