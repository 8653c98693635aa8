/*
 * Keeps account of what attestd has loaded in fuzz_tpm.c's TPM, from the commands and
 * the answers.
 */
#ifndef TESTS_TPM_LOADED_H
#define TESTS_TPM_LOADED_H

#include "tpm_bytes.h"

#include "tpm/response_code.h"

#define LOADED_MAX 64

/* LOADED_UNKNOWN: an answer from the input loaded it, so its kind is not known. */
enum loaded_kind { LOADED_EK, LOADED_AIK_ECC, LOADED_AIK_RSA, LOADED_SESSION, LOADED_UNKNOWN };

static struct {
	struct {
		uint32_t handle;
		enum loaded_kind kind;
		bool used; /* this session was used by an activation */
	} all[LOADED_MAX];
	size_t count;
	bool foreign; /* the input has made contexts, whose kinds are not known */
} loaded;

/* Its index in loaded.all, or loaded.count if it is not there. */
static size_t loaded_at(uint32_t handle)
{
	size_t i = 0;

	while (i < loaded.count && loaded.all[i].handle != handle) {
		i++;
	}
	return i;
}

/* A free handle of the same type as this one. */
static uint32_t loaded_free(uint32_t handle)
{
	while (loaded_at(handle) < loaded.count) {
		handle++;
	}
	return handle;
}

/* If the input gave one handle out twice, its kind is unknown. */
static enum loaded_kind loaded_kind(uint32_t handle)
{
	enum loaded_kind kind = LOADED_UNKNOWN;
	size_t count = 0;

	for (size_t i = 0; i < loaded.count; i++) {
		if (loaded.all[i].handle == handle) {
			kind = loaded.all[i].kind;
			count++;
		}
	}
	MUST(count > 0);
	return count == 1 ? kind : LOADED_UNKNOWN;
}

/* Is it a key of this kind, or may it be one? */
static bool loaded_is(uint32_t handle, enum loaded_kind kind)
{
	enum loaded_kind is = loaded_kind(handle);

	return is == kind || is == LOADED_UNKNOWN;
}

static void loaded_add(uint32_t handle, enum loaded_kind kind)
{
	MUST(loaded.count < LOADED_MAX);
	loaded.all[loaded.count].handle = handle;
	loaded.all[loaded.count].used = false;
	loaded.all[loaded.count++].kind = kind;
}

static void loaded_drop(uint32_t handle)
{
	size_t i = loaded_at(handle);

	if (i < loaded.count) {
		loaded.all[i] = loaded.all[--loaded.count];
	}
}

static size_t loaded_sessions(void)
{
	size_t n = 0;

	for (size_t i = 0; i < loaded.count; i++) {
		n += loaded.all[i].kind == LOADED_SESSION;
	}
	return n;
}

/* Forgets the sessions that end with this command: those whose attributes lack continueSession.
 * p is the first of the command's authorisations, n bytes. */
static void loaded_end_sessions(const uint8_t *p, size_t n)
{
	while (n >= 9) {
		size_t nonce = (size_t)p[4] << 8 | p[5];
		size_t hmac, all;

		MUST(nonce <= n - 9);
		hmac = (size_t)p[7 + nonce] << 8 | p[8 + nonce];
		all = 9 + nonce + hmac;
		MUST(all <= n);
		if (!(p[6 + nonce] & TPMA_SESSION_CONTINUESESSION)) {
			loaded_drop(be32(p));
		}
		p += all;
		n -= all;
	}
}

/* The second authorisation of an activation is a session that no activation has used before,
 * unless the TPM answered that one "try again later" and the command is repeated. p is the
 * first authorisation, a password. */
static void loaded_use_session(const uint8_t *p, uint32_t rc)
{
	size_t nonce = (size_t)p[4] << 8 | p[5];
	size_t hmac = (size_t)p[7 + nonce] << 8 | p[8 + nonce];
	uint32_t session = be32(p + 9 + nonce + hmac);

	if (loaded_kind(session) == LOADED_SESSION) {
		MUST(!loaded.all[loaded_at(session)].used);
		loaded.all[loaded_at(session)].used = !rc_is_retry(rc);
	}
}

/* The kind of key that a CreatePrimary asks for. p is the TPMT_PUBLIC in its inPublic. */
static enum loaded_kind loaded_kind_asked(const uint8_t *p)
{
	if ((p[0] << 8 | p[1]) == TPM2_ALG_ECC) {
		return LOADED_AIK_ECC;
	}
	return be32(p + 4) & TPMA_OBJECT_SIGN_ENCRYPT ? LOADED_AIK_RSA : LOADED_EK;
}

/* Sees every TPM command but those of flush_stale_operation, how many handles it has, and its
 * answer. */
static void loaded_see(const struct bytes *command, unsigned handles, const struct bytes *answer)
{
	uint32_t code = be32(command->p + 6), rc = answer->n < HEADER ? 1 : be32(answer->p + 6);
	const uint8_t *area = command->p + HEADER + 4 * (size_t)handles;
	uint32_t returned = answer->n >= HEADER + 4 ? be32(answer->p + HEADER) : 0;

	if (code == TPM2_CC_FlushContext) {
		MUST(loaded_at(be32(command->p + HEADER)) < loaded.count);
		/* an object is also gone if the TPM does not know its handle */
		if (rc == 0 || (rc & 0xff0000bf) == TPM2_RC_HANDLE) {
			loaded_drop(be32(command->p + HEADER));
		}
	}
	if (code == TPM2_CC_ActivateCredential) {
		loaded_use_session(area + 4, rc);
	}
	if (rc != 0 || answer->n < HEADER + 4) {
		return;
	}
	if (command->p[1] == 0x02) {
		loaded_end_sessions(area + 4, be32(area));
	}
	if (code ==
	    TPM2_CC_CreatePrimary) { /* skips the sessions, inSensitive and the size of inPublic */
		loaded_add(returned, loaded_kind_asked(area + 4 + be32(area) + 6 + 2));
	} else if (code == TPM2_CC_ContextLoad) { /* the byte that answer_context_save wrote */
		loaded_add(returned, loaded.foreign ? LOADED_UNKNOWN : command->p[HEADER + 18]);
	} else if (code == TPM2_CC_StartAuthSession) {
		loaded_add(returned, LOADED_SESSION);
	}
}

#endif
