/*
 * What fuzz_tpm.c's TPM signs, and its PCRs. It has the banks SHA-1, SHA-256 and
 * SHA-512.
 */
#ifndef TESTS_TPM_SIGN_H
#define TESTS_TPM_SIGN_H

#include "tpm_loaded.h"

#include "crypto/digest.h"

#define ATTEST_QUOTE 0x8018
#define EIGHT 8 /* the TPM returns at most this many PCRs at once */

static struct {
	/* What the next command that signs must ask for. */
	enum loaded_kind aik;
	const uint8_t *nonce;
	size_t nonce_len;
	uint32_t pcrs;
	uint16_t bank;
	/* The PCRs change after each of the next `changes` quotes. */
	unsigned changes;
	uint8_t version; /* each change of the PCRs counts this up */
	unsigned quotes;
} sign;

static bool sign_has_bank(void)
{
	return sign.bank != TPM2_ALG_SHA384;
}

static void pcr_value(struct bytes *b, unsigned pcr)
{
	put_be(b, pcr, 1);
	put_fill(b, sign.version, digest_size(sign.bank) - 1);
}

/* The values of all PCRs that are asked for, in ascending order. */
static void pcr_values(struct bytes *b)
{
	b->n = 0;
	for (unsigned pcr = 0; pcr < 24; pcr++) {
		if (sign.pcrs >> pcr & 1) {
			pcr_value(b, pcr);
		}
	}
}

/* Reads a TPML_PCR_SELECTION of one bank, as attestd writes it; *pcrs is the set selected.
 * Returns its end. */
static const uint8_t *take_selection(const uint8_t *p, uint32_t *pcrs)
{
	MUST(be32(p) == 1 && (p[4] << 8 | p[5]) == sign.bank && p[6] == 3);
	*pcrs = p[7] | (uint32_t)p[8] << 8 | (uint32_t)p[9] << 16;
	return p + 10;
}

static void put_selection(struct bytes *b, uint32_t pcrs)
{
	put_be(b, 1, 4);
	put_be(b, sign.bank, 2);
	put_be(b, 3, 1);
	for (unsigned i = 0; i < 24; i += 8) {
		put_be(b, pcrs >> i & 0xff, 1);
	}
}

static void put_signature(struct bytes *b)
{
	bool rsa = sign.aik == LOADED_AIK_RSA;

	put_be(b, rsa ? TPM2_ALG_RSASSA : TPM2_ALG_ECDSA, 2);
	put_be(b, TPM2_ALG_SHA256, 2);
	for (unsigned i = 0; i < (rsa ? 1U : 2U); i++) {
		put_be(b, rsa ? 256 : 32, 2);
		put_fill(b, 0x51, rsa ? 256 : 32);
	}
}

/* Builds the TPM2B_ATTEST apart, since its size comes first. */
static void put_attest(struct bytes *b, uint16_t type, uint32_t pcrs)
{
	static struct bytes attest, values;
	uint8_t digest[32];

	attest.n = 0;
	put_be(&attest, TPM2_GENERATED_VALUE, 4);
	put_be(&attest, type, 2);
	put_name(&attest); /* qualifiedSigner */
	put_tpm2b(&attest, sign.nonce, sign.nonce_len);
	put_fill(&attest, 0, 17 + 8); /* clockInfo, firmwareVersion */
	if (type == ATTEST_QUOTE) {
		pcr_values(&values);
		digest_sha256(values.p, pcrs == 0 ? 0 : values.n, digest);
		put_selection(&attest, pcrs);
		put_tpm2b(&attest, digest, sizeof digest);
	} else {
		put_name(&attest);
		put_name(&attest);
	}
	put_tpm2b(b, attest.p, attest.n);
	put_signature(b);
}

/* The command's parameters, which lie behind its handles and its sessions. */
static const uint8_t *parameters(const struct bytes *command, unsigned handles)
{
	const uint8_t *area = command->p + HEADER + 4 * (size_t)handles;

	MUST(command->p[1] == 0x02);
	return area + 4 + be32(area);
}

/* qualifyingData must be the client's nonce, and the scheme must be the key's own. Returns
 * their end. */
static const uint8_t *take_nonce_and_scheme(const uint8_t *p)
{
	MUST((size_t)(p[0] << 8 | p[1]) == sign.nonce_len);
	MUST(sign.nonce_len == 0 || memcmp(p + 2, sign.nonce, sign.nonce_len) == 0);
	p += 2 + sign.nonce_len;
	MUST((p[0] << 8 | p[1]) == TPM2_ALG_NULL);
	return p + 2;
}

static void sign_quote(const struct bytes *command, struct bytes *b)
{
	const uint8_t *p = take_nonce_and_scheme(parameters(command, 1));
	uint32_t pcrs;

	MUST(loaded_is(be32(command->p + HEADER), sign.aik));
	p = take_selection(p, &pcrs);
	MUST(p == command->p + command->n && pcrs == sign.pcrs);
	sign.quotes++;
	put_attest(b, ATTEST_QUOTE, sign_has_bank() ? pcrs : 0);
	if (sign.changes > 0) {
		sign.changes--;
		sign.version++;
	}
}

static void sign_pcr_read(const struct bytes *command, struct bytes *b)
{
	static struct bytes values;
	uint32_t pcrs, read = 0;
	unsigned count = 0;

	MUST(take_selection(command->p + HEADER, &pcrs) == command->p + command->n);
	MUST(pcrs != 0 && (pcrs & ~sign.pcrs) == 0);
	values.n = 0;
	for (unsigned pcr = 0; pcr < 24 && count < EIGHT && sign_has_bank(); pcr++) {
		if (pcrs >> pcr & 1) {
			read |= 1U << pcr;
			count++;
			put_be(&values, digest_size(sign.bank), 2);
			pcr_value(&values, pcr);
		}
	}
	put_be(b, 77, 4); /* pcrUpdateCounter */
	put_selection(b, read);
	put_be(b, count, 4);
	put(b, values.p, values.n);
}

/* Certify: the AIK certifies itself, and nothing else. */
static void sign_certify(const struct bytes *command, struct bytes *b)
{
	uint32_t object = be32(command->p + HEADER), key = be32(command->p + HEADER + 4);
	const uint8_t *p = take_nonce_and_scheme(parameters(command, 2));

	MUST(object == key && loaded_is(key, sign.aik));
	MUST(p == command->p + command->n);
	put_attest(b, 0x8017, 0);
}

/* CertifyCreation follows the creation of the key, with the ticket and the hash that the TPM
 * returned then. */
static void sign_certify_creation(const struct bytes *command, struct bytes *b)
{
	uint32_t key = be32(command->p + HEADER), object = be32(command->p + HEADER + 4);

	MUST(object == key && loaded_is(key, sign.aik));
	MUST(be32(parameters(command, 2)) >> 16 == 0); /* qualifyingData */
	put_attest(b, 0x801a, 0);
}

#endif
