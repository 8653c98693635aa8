/* src/tpm/session.c: endorsementAuth, and sessions that need randomness. */
#include "unit.h"

#include <tss2/tss2_esys.h>

#include "err.h"
#include "port.h"
#include "tpm/primary_key.h"
#include "tpm/session.h"

static struct tpm tpm;

/* ---- what the port and ESAPI say ---------------------------------------- */

static const char *given; /* by the port; NULL: it cannot get it */
static int random_result;
static TPM2B_AUTH set; /* what ESAPI was given */
static unsigned sets, started;
static TPM2_SE kind; /* of the session started last */

int port_endorsement_auth(uint8_t *buf, size_t *len)
{
	*len = given == NULL ? 0 : strlen(given);
	memcpy(buf, given == NULL ? "" : given, *len);
	return given == NULL ? -ERR_TPM_DENIED : 0;
}

int port_random(uint8_t *buf, size_t n)
{
	memset(buf, 0x5a, n);
	return random_result;
}

TSS2_RC Esys_TR_SetAuth(ESYS_CONTEXT *esys, ESYS_TR object, const TPM2B_AUTH *auth)
{
	assert_ptr_equal(esys, tpm.esys);
	assert_int_equal(object, ESYS_TR_RH_ENDORSEMENT);
	set = *auth;
	sets++;
	return TSS2_RC_SUCCESS;
}

TSS2_RC Esys_TR_Close(ESYS_CONTEXT *esys, ESYS_TR *object)
{
	(void)esys;
	*object = ESYS_TR_NONE;
	return TSS2_RC_SUCCESS;
}

TSS2_RC Esys_StartAuthSession_Async(ESYS_CONTEXT *esys, ESYS_TR key, ESYS_TR bind, ESYS_TR one,
				    ESYS_TR two, ESYS_TR three, const TPM2B_NONCE *nonce,
				    TPM2_SE type, const TPMT_SYM_DEF *symmetric, TPMI_ALG_HASH hash)
{
	(void)esys;
	assert_true(one == ESYS_TR_NONE && two == ESYS_TR_NONE && three == ESYS_TR_NONE);
	assert_null(nonce);
	assert_int_equal(bind, ESYS_TR_NONE);
	assert_int_equal(hash, TPM2_ALG_SHA256);
	assert_int_equal(key, type == TPM2_SE_POLICY ? 7 : ESYS_TR_NONE);
	assert_int_equal(symmetric->algorithm,
			 type == TPM2_SE_POLICY ? TPM2_ALG_AES : TPM2_ALG_NULL);
	kind = type;
	started++;
	return TSS2_RC_SUCCESS;
}

TSS2_RC Esys_StartAuthSession_Finish(ESYS_CONTEXT *esys, ESYS_TR *session)
{
	(void)esys;
	*session = 5;
	return TSS2_RC_SUCCESS;
}

TSS2_RC Esys_TRSess_SetAttributes(ESYS_CONTEXT *esys, ESYS_TR session, TPMA_SESSION flags,
				  TPMA_SESSION mask)
{
	(void)esys;
	assert_int_equal(session, 5);
	assert_int_equal(flags, kind == TPM2_SE_POLICY ? TPMA_SESSION_ENCRYPT : 0);
	assert_int_equal(mask, flags | TPMA_SESSION_CONTINUESESSION);
	return TSS2_RC_SUCCESS;
}

TSS2_RC Esys_PolicySecret_Async(ESYS_CONTEXT *esys, ESYS_TR hierarchy, ESYS_TR session, ESYS_TR one,
				ESYS_TR two, ESYS_TR three, const TPM2B_NONCE *nonce,
				const TPM2B_DIGEST *hash, const TPM2B_NONCE *ref, INT32 expiration)
{
	(void)esys;
	(void)nonce;
	(void)hash;
	(void)ref;
	assert_int_equal(hierarchy, ESYS_TR_RH_ENDORSEMENT);
	assert_int_equal(session, tpm.session);
	assert_int_equal(one, session_auth(&tpm));
	assert_true(two == ESYS_TR_NONE && three == ESYS_TR_NONE && expiration == 0);
	return TSS2_RC_SUCCESS;
}

TSS2_RC Esys_PolicySecret_Finish(ESYS_CONTEXT *esys, TPM2B_TIMEOUT **timeout, TPMT_TK_AUTH **ticket)
{
	(void)esys;
	assert_true(timeout == NULL && ticket == NULL);
	return TSS2_RC_SUCCESS;
}

ESYS_TR key_object(const struct tpm *t, enum key_index id)
{
	assert_ptr_equal(t, &tpm);
	assert_int_equal(id, KEY_EK);
	return 7;
}

static int fresh(void **state)
{
	(void)state;
	memset(&tpm, 0, sizeof tpm);
	tpm.esys = (ESYS_CONTEXT *)(void *)&tpm;
	tpm.session = tpm.auth_session = ESYS_TR_NONE;
	given = "";
	random_result = 0;
	sets = started = 0;
	return 0;
}

/* ---- the tests ----------------------------------------------------------- */

/* An empty one is an empty password: no session is needed. */
static void none(void **state)
{
	(void)state;
	session_open(&tpm);
	assert_int_equal(sets, 0);
	assert_int_equal(session_auth_start(&tpm), STEP_SKIP);
	assert_int_equal(session_auth(&tpm), ESYS_TR_PASSWORD);
	assert_false(session_renew(&tpm));
	assert_int_equal(sets, 0);
}

static void is_set(void **state)
{
	(void)state;
	given = "the authorisation";
	session_open(&tpm);
	assert_int_equal(sets, 1);
	assert_int_equal(set.size, strlen(given));
	assert_memory_equal(set.buffer, given, set.size);
	assert_int_equal(session_auth_start(&tpm), TSS2_RC_SUCCESS);
	assert_int_equal(session_auth_finish(&tpm), TSS2_RC_SUCCESS);
	assert_int_equal(kind, TPM2_SE_HMAC);
	assert_int_equal(session_auth(&tpm), 5);
	assert_int_equal(session_secret_start(&tpm), TSS2_RC_SUCCESS);
	assert_int_equal(session_secret_finish(&tpm), TSS2_RC_SUCCESS);
	assert_int_equal(tpm.auth_session, ESYS_TR_NONE); /* the TPM has ended it */
	session_close(&tpm);
	for (size_t i = 0; i < sizeof tpm.auth; i++) {
		assert_int_equal(((uint8_t *)&tpm.auth)[i], 0);
	}
}

/* A second attempt follows only if the value has changed. */
static void renewed(void **state)
{
	static const char *const others[] = {"the other", "the otheR", "the other one", ""};

	(void)state;
	session_open(&tpm);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		given = others[i];
		assert_true(session_renew(&tpm));
		assert_int_equal(set.size, strlen(given));
		assert_memory_equal(set.buffer, given, set.size);
		assert_false(session_renew(&tpm));
	}
	given = NULL;
	assert_false(session_renew(&tpm));
	assert_int_equal(tpm.auth.error, -ERR_TPM_DENIED);
}

/* The kernel has no random numbers yet: the step waits, before ESAPI would fail. */
static void no_randomness(void **state)
{
	(void)state;
	given = "the authorisation";
	session_open(&tpm);
	random_result = -ERR_RANDOM;
	assert_int_equal(session_auth_start(&tpm), STEP_LATER);
	assert_int_equal(session_policy_start(&tpm), STEP_LATER);
	assert_int_equal(started, 0);
	random_result = 0;
	assert_int_equal(session_policy_start(&tpm), TSS2_RC_SUCCESS);
	assert_int_equal(session_policy_finish(&tpm), TSS2_RC_SUCCESS);
	assert_int_equal(kind, TPM2_SE_POLICY);
	assert_int_equal(tpm.session, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(none, fresh),
		cmocka_unit_test_setup(is_set, fresh),
		cmocka_unit_test_setup(renewed, fresh),
		cmocka_unit_test_setup(no_randomness, fresh),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
