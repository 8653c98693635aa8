/*
 * What is loaded in fuzz_tpm.c's TPM when flush_stale_operation (src/tpm/flush_stale.h)
 * begins, and which of it the operation may flush.
 */
#ifndef TESTS_TPM_STALE_H
#define TESTS_TPM_STALE_H

#include "tpm_bytes.h"

#include "tpm/template.h"

#define POLICY_LEN TPM2_SHA256_DIGEST_SIZE

static const uint8_t new_policy[POLICY_LEN];

static const struct leftover {
	uint32_t handle;
	enum { OURS, NEW, HMAC, OTHERS } whose;
	/* The template of an object; that of OTHERS is changed in one attribute. */
	const TPM2B_PUBLIC *template;
	const uint8_t *policy; /* a session's policy, if it has one */
} leftovers[] = {
	{0x80000010, OTHERS, &template_ek, NULL},
	{0x80000011, OURS, &template_aik_ecc, NULL},
	{0x80000012, OURS, &template_ek, NULL},
	{0x80000013, OTHERS, &template_aik_ecc, NULL},
	{0x80000014, OURS, &template_aik_rsa, NULL},
	{0x02000010, HMAC, NULL, NULL},
	{0x03000011, OURS, NULL, template_ek.publicArea.authPolicy.buffer},
	{0x03000012, NEW, NULL, new_policy},
	{0x03000013, OTHERS, NULL, rsa_modulus},
};
#define LEFTOVERS (sizeof leftovers / sizeof *leftovers)

static struct {
	bool on;
	bool new_too; /* new policy sessions are flushed too, because the TPM is full */
	bool hmac_too; /* HMAC sessions are flushed too, because the TPM has no room for attestd's */
	struct bytes listed; /* the last list of handles that the TPM returned */
	uint32_t
		looked_at; /* the last handle that the TPM was asked about; its answer sets `ours` */
	bool ours;
	bool gone[LEFTOVERS];
} flushing;

/* ---- a good TPM's answers ----------------------------------------------- */

/* TPMS_CAPABILITY_DATA behind moreData: all handles of the same type as `first`. */
static void put_leftover_handles(struct bytes *b, uint32_t first)
{
	bool sessions = first >> 24 == TPM2_HT_LOADED_SESSION;

	put_be(b, 0, 1);
	put_be(b, TPM2_CAP_HANDLES, 4);
	put_be(b, 0, 4);
	for (size_t i = 0; i < LEFTOVERS; i++) {
		if (sessions == (leftovers[i].template == NULL)) {
			put_be(b, leftovers[i].handle, 4);
			b->p[8]++;
		}
	}
}

/* Its TPM2B_PUBLIC or policyDigest, if it is loaded and has one. */
static void put_leftover(struct bytes *b, uint32_t handle)
{
	for (size_t i = 0; i < LEFTOVERS; i++) {
		const struct leftover *o = &leftovers[i];

		if (o->handle != handle) {
			continue;
		}
		if (o->template != NULL) {
			TPM2B_PUBLIC public = *o->template;

			public.publicArea.objectAttributes |=
				o->whose == OTHERS ? TPMA_OBJECT_NODA : 0;
			put_public(b, &public);
		} else if (o->policy != NULL) {
			put_tpm2b(b, o->policy, POLICY_LEN);
		}
	}
}

/* ---- what the operation may flush --------------------------------------------- */

static bool was_listed(uint32_t handle)
{
	const struct bytes *list = &flushing.listed;
	size_t at = HEADER + 1 + 4 + 4;
	uint32_t count = list->n >= at ? be32(list->p + at - 4) : 0;

	for (; count > 0 && at + 4 <= list->n; count--, at += 4) {
		if (be32(list->p + at) == handle) {
			return true;
		}
	}
	return false;
}

static bool is_like(const uint8_t *area, const TPMT_PUBLIC *template)
{
	return be32(area) == ((uint32_t)template->type << 16 | template->nameAlg) &&
	       be32(area + 4) == template->objectAttributes;
}

/* Does this answer to ReadPublic or PolicyGetDigest describe an object of attestd's? The answer
 * may be the TPM's or the input's. */
static bool says_ours(const struct bytes *answer, bool session, uint32_t handle)
{
	const uint8_t *p = answer->p + HEADER + 2; /* the bytes inside its TPM2B */

	if (flushing.hmac_too && session && handle >> 24 == TPM2_HT_HMAC_SESSION &&
	    be32(answer->p + 6) != TPM2_RC_SUCCESS) {
		return true;
	}
	if (answer->n < HEADER + 2 + POLICY_LEN || be32(answer->p + 6) != TPM2_RC_SUCCESS) {
		return false;
	}
	if (!session) {
		return is_like(p, &template_ek.publicArea) ||
		       is_like(p, &template_aik_ecc.publicArea) ||
		       is_like(p, &template_aik_rsa.publicArea);
	}
	return p[-2] == 0 && p[-1] == POLICY_LEN &&
	       (memcmp(p, template_ek.publicArea.authPolicy.buffer, POLICY_LEN) == 0 ||
		(flushing.new_too && all_zero(p, POLICY_LEN)));
}

/* A handle is flushed only if it was listed, the command before asked about it, and the answer
 * described an object of attestd's. */
static void check_flush(uint32_t handle)
{
	MUST(was_listed(handle));
	MUST(handle == flushing.looked_at && flushing.ours);
	for (size_t i = 0; i < LEFTOVERS; i++) {
		flushing.gone[i] = flushing.gone[i] || leftovers[i].handle == handle;
	}
}

/* Sees every TPM command of the operation, and its answer. */
static void flushing_see(const struct bytes *command, const struct bytes *answer)
{
	uint32_t code = be32(command->p + 6);
	uint32_t handle = be32(command->p + HEADER);

	if (code == TPM2_CC_FlushContext) {
		check_flush(handle);
	} else if (code == TPM2_CC_GetCapability) {
		flushing.listed = *answer;
		flushing.ours = false;
	} else {
		MUST(code == TPM2_CC_ReadPublic || code == TPM2_CC_PolicyGetDigest);
		flushing.looked_at = handle;
		flushing.ours = says_ours(answer, code == TPM2_CC_PolicyGetDigest, handle);
	}
}

static void flushing_begin(bool new_too, bool hmac_too)
{
	memset(&flushing, 0, sizeof flushing);
	flushing.on = true;
	flushing.new_too = new_too;
	flushing.hmac_too = hmac_too;
}

/* If all answers were good, everything of attestd's is gone, and nothing else. */
static void flushing_end(bool good)
{
	flushing.on = false;
	for (size_t i = 0; good && i < LEFTOVERS; i++) {
		MUST(flushing.gone[i] == (leftovers[i].whose == OURS ||
					  (leftovers[i].whose == NEW && flushing.new_too) ||
					  (leftovers[i].whose == HMAC && flushing.hmac_too)));
	}
}

#endif
