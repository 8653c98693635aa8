/*
 * The TPM commands that fuzz_tpm.c's TPM knows, and the parameters of a good answer to
 * each.
 */
#ifndef TESTS_TPM_ANSWERS_H
#define TESTS_TPM_ANSWERS_H

#include "tpm_bytes.h"
#include "tpm_sign.h"
#include "tpm_stale.h"

#include <tss2/tss2_tcti.h>

#include "certificates.h"
#include "tpm/template.h"

#define CERT_NV_SIZE 600
#define EK_HANDLE 0x81010001
#define CHAIN_FIRST 0x01c00100U
#define CHAIN_COUNT 3
#define CHAIN_LAST (CHAIN_FIRST + CHAIN_COUNT - 1)

static struct {
	TSS2_TCTI_CONTEXT_COMMON_V1 tcti;
	bool open;
	bool persistent; /* the EK is at EK_HANDLE */
	bool bare; /* there is no resource manager */
	bool full; /* the TPM may have no free slot */
	bool has_template; /* the EK's template is in NV */
	bool has_auth; /* endorsementAuth is set */
	bool holds; /* keys stay loaded */
	bool has_chain; /* the EK's chain is in NV */
	struct input answers; /* the answers in the input that were not given yet */
	unsigned given;
	unsigned commands;
	struct bytes command;
	struct bytes response;
} device;

/* Answers for the handle in the command, whether an object is there or not. */
static void answer_read_public(struct bytes *b)
{
	uint32_t handle = be32(device.command.p + HEADER);

	if (handle != EK_HANDLE) {
		put_leftover(b, handle);
	} else if (device.persistent) {
		put_public(b, &template_ek);
	}
	if (b->n > 0) {
		put_name(b);
		put_name(b);
	}
}

static void answer_policy_get_digest(struct bytes *b)
{
	put_leftover(b, be32(device.command.p + HEADER));
}

/* The n-th piece of a chain of two certificates, which lies in three indices with padding
 * behind it. */
static void put_chain(struct bytes *b, unsigned n)
{
	static struct bytes all;
	size_t piece;

	all.n = 0;
	put(&all, rsa_certificate, sizeof rsa_certificate);
	put(&all, ec_certificate, sizeof ec_certificate);
	put_fill(&all, 0xff, 41);
	piece = all.n / CHAIN_COUNT + 1;
	put(b, all.p + n * piece, n + 1 < CHAIN_COUNT ? piece : all.n - n * piece);
}

/* The handles of the chain's indices from `first` on, and one more that does not belong to the
 * chain. */
static void put_chain_handles(struct bytes *b, uint32_t first)
{
	put_be(b, 0, 1);
	put_be(b, TPM2_CAP_HANDLES, 4);
	put_be(b, 0, 4);
	for (uint32_t handle = CHAIN_FIRST; handle <= CHAIN_LAST; handle++) {
		if (device.has_chain && handle >= first) {
			put_be(b, handle, 4);
			b->p[8]++;
		}
	}
	put_be(b, 0x01c08000, 4);
	b->p[8]++;
}

/* What the index in the command holds. Returns false if there is no such index. */
static bool nv_content(uint32_t index, struct bytes *b)
{
	b->n = 0;
	if (index == 0x01c00002) {
		put(b, rsa_certificate, sizeof rsa_certificate);
		put_fill(b, 0xff, CERT_NV_SIZE - sizeof rsa_certificate);
		return true;
	}
	if (device.has_chain && index >= CHAIN_FIRST && index <= CHAIN_LAST) {
		put_chain(b, index - CHAIN_FIRST);
		return true;
	}
	if (index != 0x01c00004 || !device.has_template) {
		return false;
	}
	MUST(Tss2_MU_TPMT_PUBLIC_Marshal(&template_ek.publicArea, b->p, sizeof b->p, &b->n) == 0);
	return true;
}

static void answer_nv_read_public(struct bytes *b)
{
	static struct bytes content;
	uint32_t index = be32(device.command.p + HEADER);

	if (!nv_content(index, &content)) {
		return;
	}
	put_be(b, 14, 2);
	put_be(b, index, 4);
	put_be(b, TPM2_ALG_SHA256, 2);
	put_be(b, TPMA_NV_AUTHREAD | TPMA_NV_OWNERREAD | TPMA_NV_WRITTEN, 4);
	put_be(b, 0, 2);
	put_be(b, content.n, 2);
	put_name(b);
}

static void answer_get_capability(struct bytes *b)
{
	if (be32(device.command.p + HEADER) == TPM2_CAP_HANDLES) {
		uint32_t first = be32(device.command.p + HEADER + 4);

		if (first >> 24 == TPM2_HT_NV_INDEX) {
			put_chain_handles(b, first);
		} else {
			put_leftover_handles(b, first);
		}
		return;
	}
	put_be(b, 0, 1);
	put_be(b, TPM2_CAP_TPM_PROPERTIES, 4);
	put_be(b, 1, 4);
	put_be(b, TPM2_PT_NV_BUFFER_MAX, 4);
	put_be(b, 512, 4);
}

/* The command ends with the size and the offset to be read. */
static void answer_nv_read(struct bytes *b)
{
	static struct bytes content;
	uint32_t wanted = be32(device.command.p + device.command.n - 4);
	size_t n = wanted >> 16, at = wanted & 0xffff;

	if (nv_content(be32(device.command.p + HEADER + 4), &content)) {
		put_be(b, n, 2);
		for (; n > 0; n--, at++) {
			put_be(b, at < content.n ? content.p[at] : 0xff, 1);
		}
	}
}

/* A TPM2B_CREATION_DATA without PCRs, at locality 0. */
static void put_creation_data(struct bytes *b)
{
	put_be(b, 35, 2);
	put_be(b, 0, 4); /* pcrSelect */
	put_be(b, 8, 2);
	put_fill(b, 0xd1, 8); /* pcrDigest */
	put_be(b, 1, 1);
	put_be(b, TPM2_ALG_NULL, 2);
	put_be(b, 4, 2);
	put_be(b, TPM2_RH_ENDORSEMENT, 4); /* parentName, parentQualifiedName */
	put_be(b, 4, 2);
	put_be(b, TPM2_RH_ENDORSEMENT, 4);
	put_be(b, 4, 2);
	put_fill(b, 0x0e, 4); /* outsideInfo */
}

static void answer_create_primary(struct bytes *b)
{
	static const TPM2B_PUBLIC *const templates[] = {[LOADED_EK] = &template_ek,
							[LOADED_AIK_ECC] = &template_aik_ecc,
							[LOADED_AIK_RSA] = &template_aik_rsa};

	/* inPublic, which lies behind inSensitive and its own size */
	put_public(b, templates[loaded_kind_asked(parameters(&device.command, 1) + 6 + 2)]);
	put_creation_data(b);
	put_be(b, 32, 2); /* creationHash */
	put_fill(b, 0xc8, 32);
	put_be(b, TPM2_ST_CREATION, 2);
	put_be(b, TPM2_RH_ENDORSEMENT, 4);
	put_be(b, 32, 2);
	put_fill(b, 0x7c, 32);
	put_name(b);
}

/* The first byte of a context says what kind of object it holds (tpm_loaded.h). */
static void answer_context_save(struct bytes *b)
{
	put_be(b, 1, 8);
	put_be(b, 0x80000000, 4);
	put_be(b, TPM2_RH_ENDORSEMENT, 4);
	put_be(b, 100, 2);
	put_be(b, loaded_kind(be32(device.command.p + HEADER)), 1);
	put_fill(b, 0xc7, 99);
}

static void answer_start_auth_session(struct bytes *b)
{
	put_be(b, 32, 2);
	put_fill(b, 0x4e, 32);
}

static void answer_policy_secret(struct bytes *b)
{
	put_be(b, 0, 2); /* timeout */
	put_be(b, TPM2_ST_AUTH_SECRET, 2);
	put_be(b, TPM2_RH_NULL, 4);
	put_be(b, 0, 2);
}

static void answer_activate_credential(struct bytes *b)
{
	put_be(b, 16, 2);
	put_fill(b, 0x5e, 16);
}

static void answer_quote(struct bytes *b)
{
	sign_quote(&device.command, b);
}

static void answer_pcr_read(struct bytes *b)
{
	sign_pcr_read(&device.command, b);
}

static void answer_certify(struct bytes *b)
{
	sign_certify(&device.command, b);
}

static void answer_certify_creation(struct bytes *b)
{
	sign_certify_creation(&device.command, b);
}

static const struct device_command {
	uint32_t code;
	unsigned handles; /* of the command */
	uint32_t handle; /* of the response, or 0 */
	/* Puts the parameters, or nothing if what the command names is not there. NULL: a good
	 * answer has no parameters. */
	void (*answer)(struct bytes *b);
} device_commands[] = {
	{TPM2_CC_ReadPublic, 1, 0, answer_read_public},
	{TPM2_CC_NV_ReadPublic, 1, 0, answer_nv_read_public},
	{TPM2_CC_GetCapability, 0, 0, answer_get_capability},
	{TPM2_CC_NV_Read, 2, 0, answer_nv_read},
	{TPM2_CC_CreatePrimary, 1, 0x80000000, answer_create_primary},
	{TPM2_CC_ContextSave, 1, 0, answer_context_save},
	{TPM2_CC_ContextLoad, 0, 0x80000000, NULL},
	{TPM2_CC_FlushContext, 0, 0, NULL},
	{TPM2_CC_StartAuthSession, 2, 0x03000000, answer_start_auth_session},
	{TPM2_CC_PolicySecret, 2, 0, answer_policy_secret},
	{TPM2_CC_ActivateCredential, 2, 0, answer_activate_credential},
	{TPM2_CC_PolicyGetDigest, 1, 0, answer_policy_get_digest},
	{TPM2_CC_Quote, 1, 0, answer_quote},
	{TPM2_CC_PCR_Read, 0, 0, answer_pcr_read},
	{TPM2_CC_Certify, 2, 0, answer_certify},
	{TPM2_CC_CertifyCreation, 2, 0, answer_certify_creation},
	{TPM2_CC_EvictControl, 2, 0, NULL},
};
#define DEVICE_COMMANDS (sizeof device_commands / sizeof *device_commands)

#endif
