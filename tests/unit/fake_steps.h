/*
 * An operation for src/tpm/job.c, and what job.c is linked with of ESAPI and the port. Each
 * function returns what the script says, and adds a word to the trace:
 *
 *   a< a>     step a is started, finished (b and c too)
 *   F1< F1>   object 1 (the session; 2: the ECC AIK; 3: the RSA AIK; 4: the EK) is flushed
 *   X1        its ESYS_TR is closed
 *   arm       port_tpm_arm
 *   t-1 t0    ESAPI is told to block, and not to block
 *   end       the operation's `conclude`
 */
#ifndef TESTS_FAKE_STEPS_H
#define TESTS_FAKE_STEPS_H

#include "unit.h"

#include <tss2/tss2_esys.h>

#include "bounds.h"
#include "err.h"
#include "port.h"
#include "tpm/job.h"
#include "tpm/link.h"

enum { A, B, C, FLUSH_SESSION, FLUSH_AIK, FLUSH_AIK_RSA, FLUSH_EK, SCRIPTS };
enum { SESSION = 1, AIK = 2, AIK_RSA = 3, EK = 4 };
#define LIMIT_MS 1000U /* of step a; twice that of b, three times that of c */

static struct tpm tpm;
static char trace[8192];

/* What starting and finishing a step returns, one after the other; then 0. */
static struct script {
	TSS2_RC start[16], finish[16];
	unsigned started, finished;
} script[SCRIPTS];

static ESYS_TR flushing;
static int arm_result;
static int fault; /* link_fault's */
static bool holds_keys; /* port_tpm_holds_keys's */
static TSS2_RC concluded; /* the code that `conclude` was given */
static int verdict; /* what it returns */
static bool verdict_stale;

static void note(const char *what, const char *mark)
{
	assert_true(strlen(trace) + strlen(what) + strlen(mark) + 2 < sizeof trace);
	if (trace[0] != '\0') {
		strcat(trace, " ");
	}
	strcat(trace, what);
	strcat(trace, mark);
}

static TSS2_RC next(const TSS2_RC *codes, unsigned *at)
{
	return *at < 16 ? codes[(*at)++] : TSS2_RC_SUCCESS;
}

#define STEP(name, index)                                                   \
	static TSS2_RC start_##name(struct tpm *t)                          \
	{                                                                   \
		assert_ptr_equal(t, &tpm);                                  \
		note(#name, "<");                                           \
		return next(script[index].start, &script[index].started);   \
	}                                                                   \
	static TSS2_RC finish_##name(struct tpm *t)                         \
	{                                                                   \
		assert_ptr_equal(t, &tpm);                                  \
		note(#name, ">");                                           \
		return next(script[index].finish, &script[index].finished); \
	}
STEP(a, A)
STEP(b, B)
STEP(c, C)

static int conclude(struct tpm *t, TSS2_RC rc, bool *stale)
{
	assert_ptr_equal(t, &tpm);
	assert_false(*stale);
	note("end", "");
	concluded = rc;
	*stale = verdict_stale;
	return verdict;
}

static const struct step steps[] = {
	{start_a, finish_a, LIMIT_MS, 0},
	{start_b, finish_b, 2 * LIMIT_MS, 0},
	{start_c, finish_c, 3 * LIMIT_MS, 0},
};
static const struct operation operation = {
	.steps = steps, .count = 3, .conclude = conclude, .loop = 1};

/* ---- what job.c is linked with ---------------------------------------- */

static const char *object_name(ESYS_TR object)
{
	static const char *const names[] = {"?", "1", "2", "3", "4"};

	assert_in_range(object, SESSION, EK);
	return names[object];
}

static void note_flush(ESYS_TR object, const char *mark)
{
	note("F", object_name(object));
	strcat(trace, mark);
}

TSS2_RC Esys_FlushContext_Async(ESYS_CONTEXT *esys, ESYS_TR object)
{
	struct script *s = &script[FLUSH_SESSION + object - 1];

	assert_ptr_equal(esys, tpm.esys);
	note_flush(object, "<");
	flushing = object;
	return next(s->start, &s->started);
}

TSS2_RC Esys_FlushContext_Finish(ESYS_CONTEXT *esys)
{
	struct script *s = &script[FLUSH_SESSION + flushing - 1];

	assert_ptr_equal(esys, tpm.esys);
	note_flush(flushing, ">");
	return next(s->finish, &s->finished);
}

TSS2_RC Esys_TR_Close(ESYS_CONTEXT *esys, ESYS_TR *object)
{
	assert_ptr_equal(esys, tpm.esys);
	note("X", object_name(*object));
	*object = ESYS_TR_NONE;
	return TSS2_RC_SUCCESS;
}

TSS2_RC Esys_SetTimeout(ESYS_CONTEXT *esys, int32_t timeout)
{
	assert_ptr_equal(esys, tpm.esys);
	assert_true(timeout == TSS2_TCTI_TIMEOUT_BLOCK || timeout == TSS2_TCTI_TIMEOUT_NONE);
	note("t", timeout == TSS2_TCTI_TIMEOUT_NONE ? "0" : "-1");
	return TSS2_RC_SUCCESS;
}

int port_tpm_arm(void)
{
	note("arm", "");
	return arm_result;
}

bool port_tpm_holds_keys(void)
{
	return holds_keys;
}

int link_fault(void)
{
	return fault;
}

/* ---- what the tests check ---------------------------------------------- */

/* A new operation, whose steps all succeed unless the test's script says otherwise. */
static inline int setup(void **state)
{
	(void)state;
	memset(script, 0, sizeof script);
	memset(&tpm, 0, sizeof tpm);
	tpm.esys = (ESYS_CONTEXT *)(void *)&tpm;
	tpm.session = tpm.auth_session = tpm.keys[KEY_EK].loaded = tpm.keys[KEY_AIK_ECC].loaded =
		tpm.keys[KEY_AIK_RSA].loaded = 77; /* the last operation's */
	arm_result = 0;
	fault = 0;
	holds_keys = false;
	verdict = 0;
	verdict_stale = false;
	concluded = 0xdead;
	trace[0] = '\0';
	job_begin(&tpm, &operation);
	return 0;
}

/* As if steps had loaded all of them; call after job_begin. */
static inline void load_all(void)
{
	tpm.session = SESSION;
	tpm.keys[KEY_AIK_ECC].loaded = AIK;
	tpm.keys[KEY_AIK_RSA].loaded = AIK_RSA;
	tpm.keys[KEY_EK].loaded = EK;
}

static inline void nothing_is_loaded(void)
{
	assert_int_equal(tpm.session, ESYS_TR_NONE);
	assert_int_equal(tpm.auth_session, ESYS_TR_NONE);
	assert_int_equal(tpm.keys[KEY_AIK_ECC].loaded, ESYS_TR_NONE);
	assert_int_equal(tpm.keys[KEY_AIK_RSA].loaded, ESYS_TR_NONE);
	assert_int_equal(tpm.keys[KEY_EK].loaded, ESYS_TR_NONE);
}

/* Exactly this was done since the last check. */
static inline void traced(const char *want)
{
	assert_string_equal(trace, want);
	trace[0] = '\0';
}

static inline void runs(uint64_t now, bool event, const char *want)
{
	assert_int_equal(job_run(&tpm, now, event), JOB_RUNNING);
	traced(want);
}

static inline void is_done(uint64_t now, bool event, const char *want)
{
	assert_int_equal(job_run(&tpm, now, event), JOB_DONE);
	traced(want);
}

static inline void is_broken(uint64_t now, bool event, int why, const char *want)
{
	assert_int_equal(job_run(&tpm, now, event), JOB_BROKEN);
	assert_int_equal(job_fault(), why);
	traced(want);
}

/* The outcome is `verdict`, and `conclude` was given this code. */
static inline void concludes(TSS2_RC rc)
{
	uint32_t said = 0xdead;
	bool stale = !verdict_stale;

	assert_int_equal(job_outcome(&tpm, &said, &stale), verdict);
	assert_int_equal(said, rc);
	assert_int_equal(concluded, rc);
	assert_int_equal(stale, verdict_stale);
	traced("end");
}

#endif
