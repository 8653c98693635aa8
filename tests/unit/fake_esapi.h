/*
 * A TPM behind ESAPI, and all that activate_credential.c, ready_session.c, session.c, job.c and
 * what begins jobs (tpm.c, work.c, connect.c) are linked with. It keeps account of what is
 * loaded, refuses what a TPM would refuse, and adds a letter to the trace for each command:
 *
 *   K A     TPM2_ContextLoad of the EK, of an AIK
 *   S H     StartAuthSession: for the EK's policy, for endorsementAuth
 *   P C     PolicySecret, ActivateCredential
 *   Q       TPM2_Quote
 *   F       FlushContext
 *   |       the outcome was published
 *   o e i   finders of facts: FACT_CLEAN, FACT_EK, any other
 */
#ifndef TESTS_FAKE_ESAPI_H
#define TESTS_FAKE_ESAPI_H

#include "unit.h"

#include <tss2/tss2_esys.h>

#include "bounds.h"
#include "crypto/salt.h"
#include "err.h"
#include "port.h"
#include "tpm/aik.h"
#include "tpm/cert.h"
#include "tpm/chain.h"
#include "tpm/ek.h"
#include "tpm/flush_stale.h"
#include "tpm/info.h"
#include "tpm/job.h"
#include "tpm/link.h"
#include "tpm/primary_key.h"
#include "tpm/response_code.h"
#include "tpm/session.h"
#include "tpm/tpm.h"

#define SLOTS 3 /* for sessions, and for objects, of a TPM without a resource manager */
#define HANDLES 4096

enum loaded { GONE, OBJECT, HMAC, POLICY, AUTHORISED };

static struct fake {
	uint64_t now;
	struct tpm *tpm;
	/* Set by the test: as port_tpm_is_bare; the EK is persistent; as port_tpm_holds_keys;
	 * endorsementAuth is set. */
	bool bare, persistent, holds, has_auth;
	bool blocks; /* the system cannot wait for the TPM (port_tpm_arm) */
	/* What is loaded, by its ESYS_TR. */
	enum loaded loaded[HANDLES];
	bool used[HANDLES]; /* by an activation */
	ESYS_TR last;
	bool open;
	unsigned opens;
	/* The command that the TPM works on: its letter or 0, the object that it changes, the
	 * session that authorises it. */
	char at_work;
	ESYS_TR object, with;
	TPM2_SE kind;
	unsigned commands;
	uint64_t takes_ms; /* each command */
	/* Commands of this letter fail with this code: first `skip` succeed, then `times` fail.
	 * A code of the library's breaks the link. */
	char failing;
	unsigned skip, times;
	TSS2_RC rc;
	TSS2_RC verdict; /* on each credential */
	char trace[8192];
} fake;

static void note(char letter)
{
	size_t n = strlen(fake.trace);

	assert_true(n + 1 < sizeof fake.trace);
	fake.trace[n] = letter;
	fake.trace[n + 1] = '\0';
}

static unsigned count(enum loaded first, enum loaded last)
{
	unsigned n = 0;

	for (size_t i = 0; i <= fake.last; i++) {
		n += fake.loaded[i] >= first && fake.loaded[i] <= last;
	}
	return n;
}

static unsigned sessions(void)
{
	return count(HMAC, AUTHORISED);
}

/* Sends a command. No other may be at work. */
static TSS2_RC send(char letter)
{
	assert_true(fake.open);
	assert_int_equal(fake.at_work, 0);
	fake.at_work = letter;
	fake.commands++;
	note(letter);
	return TSS2_RC_SUCCESS;
}

/* The response to the command at work: this code, unless the test wants it to fail. */
static TSS2_RC answer(char letter, TSS2_RC rc)
{
	assert_int_equal(fake.at_work, letter);
	fake.at_work = 0;
	if (letter != fake.failing || fake.times == 0) {
		return rc;
	}
	if (fake.skip > 0) {
		fake.skip--;
		return rc;
	}
	fake.times--;
	return fake.rc;
}

static ESYS_TR load(enum loaded what)
{
	assert_true(fake.last + 1 < HANDLES);
	fake.loaded[++fake.last] = what;
	return fake.last;
}

/* ---- ESAPI -------------------------------------------------------------- */

TSS2_RC Esys_StartAuthSession_Async(ESYS_CONTEXT *esys, ESYS_TR key, ESYS_TR bind, ESYS_TR one,
				    ESYS_TR two, ESYS_TR three, const TPM2B_NONCE *nonce,
				    TPM2_SE type, const TPMT_SYM_DEF *symmetric, TPMI_ALG_HASH hash)
{
	(void)esys, (void)bind, (void)one, (void)two, (void)three;
	(void)nonce, (void)symmetric, (void)hash;
	assert_true(type == TPM2_SE_HMAC || key == key_object(fake.tpm, KEY_EK));
	assert_true(type == TPM2_SE_HMAC || key != ESYS_TR_NONE); /* it is salted to the EK */
	fake.kind = type;
	return send(type == TPM2_SE_HMAC ? 'H' : 'S');
}

TSS2_RC Esys_StartAuthSession_Finish(ESYS_CONTEXT *esys, ESYS_TR *session)
{
	bool full = sessions() == SLOTS;
	TSS2_RC rc = answer(fake.at_work, full ? TPM2_RC_SESSION_HANDLES : TSS2_RC_SUCCESS);

	(void)esys;
	if (rc == TSS2_RC_SUCCESS) {
		*session = load(fake.kind == TPM2_SE_HMAC ? HMAC : POLICY);
	}
	return rc;
}

TSS2_RC Esys_TRSess_SetAttributes(ESYS_CONTEXT *esys, ESYS_TR session, TPMA_SESSION flags,
				  TPMA_SESSION mask)
{
	(void)esys, (void)flags;
	assert_true(fake.loaded[session] >= HMAC);
	assert_true(mask & TPMA_SESSION_CONTINUESESSION);
	return TSS2_RC_SUCCESS;
}

TSS2_RC Esys_PolicySecret_Async(ESYS_CONTEXT *esys, ESYS_TR hierarchy, ESYS_TR session, ESYS_TR one,
				ESYS_TR two, ESYS_TR three, const TPM2B_NONCE *nonce,
				const TPM2B_DIGEST *hash, const TPM2B_NONCE *ref, INT32 expiration)
{
	(void)esys, (void)hierarchy, (void)two, (void)three;
	(void)nonce, (void)hash, (void)ref, (void)expiration;
	assert_int_equal(fake.loaded[session], POLICY);
	assert_true(fake.has_auth ? fake.loaded[one] == HMAC : one == ESYS_TR_PASSWORD);
	fake.object = session;
	fake.with = one;
	return send('P');
}

TSS2_RC Esys_PolicySecret_Finish(ESYS_CONTEXT *esys, TPM2B_TIMEOUT **timeout, TPMT_TK_AUTH **ticket)
{
	TSS2_RC rc = answer('P', TSS2_RC_SUCCESS);

	(void)esys, (void)timeout, (void)ticket;
	if (rc == TSS2_RC_SUCCESS) {
		fake.loaded[fake.object] = AUTHORISED;
		if (fake.with != ESYS_TR_PASSWORD) {
			fake.loaded[fake.with] = GONE;
		}
	}
	return rc;
}

TSS2_RC Esys_ActivateCredential_Async(ESYS_CONTEXT *esys, ESYS_TR aik, ESYS_TR ek, ESYS_TR one,
				      ESYS_TR session, ESYS_TR three, const TPM2B_ID_OBJECT *blob,
				      const TPM2B_ENCRYPTED_SECRET *secret)
{
	(void)esys, (void)one, (void)three, (void)blob, (void)secret;
	assert_true(aik != ESYS_TR_NONE && ek != ESYS_TR_NONE);
	assert_int_equal(fake.loaded[session], AUTHORISED);
	assert_false(fake.used[session]);
	fake.used[session] = true;
	fake.object = session;
	return send('C');
}

TSS2_RC Esys_ActivateCredential_Finish(ESYS_CONTEXT *esys, TPM2B_DIGEST **secret)
{
	TSS2_RC rc = answer('C', fake.verdict);

	(void)esys;
	if (rc == TSS2_RC_SUCCESS) {
		*secret = calloc(1, sizeof **secret);
		(*secret)->size = 1;
		fake.loaded[fake.object] = GONE; /* without CONTINUESESSION */
	}
	return rc;
}

TSS2_RC Esys_FlushContext_Async(ESYS_CONTEXT *esys, ESYS_TR object)
{
	(void)esys;
	assert_true(object <= fake.last && fake.loaded[object] != GONE);
	fake.object = object;
	return send('F');
}

TSS2_RC Esys_FlushContext_Finish(ESYS_CONTEXT *esys)
{
	TSS2_RC rc = answer('F', TSS2_RC_SUCCESS);

	(void)esys;
	if (rc == TSS2_RC_SUCCESS || rc_is_no_handle(rc)) {
		fake.loaded[fake.object] = GONE;
	}
	return rc;
}

TSS2_RC Esys_TR_Close(ESYS_CONTEXT *esys, ESYS_TR *object)
{
	(void)esys;
	assert_int_equal(fake.loaded[*object], GONE); /* otherwise it would never be flushed */
	*object = ESYS_TR_NONE;
	return TSS2_RC_SUCCESS;
}

TSS2_RC Esys_TR_SetAuth(ESYS_CONTEXT *esys, ESYS_TR object, const TPM2B_AUTH *auth)
{
	(void)esys, (void)object, (void)auth;
	return TSS2_RC_SUCCESS;
}

TSS2_RC Esys_SetTimeout(ESYS_CONTEXT *esys, int32_t timeout)
{
	(void)esys, (void)timeout;
	return TSS2_RC_SUCCESS;
}

void Esys_Free(void *p)
{
	free(p);
}

#include "fake_esapi_beside.h"

#endif
