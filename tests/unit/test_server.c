/* src/service/server.c: requests, and their order before the TPM. */
#include "fake_server.h"
#include "server_lines.h"

static void test_one_job(void **state)
{
	const struct act script[] = {
		OPEN(5),
		SAY(5, activation('A')),
		OPENED(5),
		JOB('A'),
		TPM_READY,
		JOB('A'),
		TPM_DONE,
		NO_JOB,
		REPLY(5, A_REPLY),
		LOGGED("activateCredential ok tpm_commands=5 peer=5"),
		SENT(5),
		CLOSED(5, 0),
		OPEN(5),
		SAY(5, GET_EK "\n"),
		EK_JOB,
		TPM_DONE,
		REPLY(5, EK_REPLY),
		SENT(5),
		OPEN(5),
		SAY(5, GET_DATA "\n"),
		AIK_JOB,
		TPM_DONE,
		REPLY(5, DATA_REPLY),
		SENT(5),
		STOP,
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

/* Whose line is complete first is served first, whatever the numbers of the connections. */
static void test_order_of_arrival(void **state)
{
	const struct act script[] = {
		OPEN(0),
		AND(OPEN(1)),
		AND(OPEN(2)),
		AND(OPEN(3)),
		SAY(2, activation('B')),
		SAY(3, activation('C')),
		AND(SAY(1, activation('A'))),
		SAY(0, activation('D')),
		JOB('B'),
		TPM_DONE,
		REPLY(2, B_REPLY),
		JOB('C'),
		OPENED(0),
		OPENED(1),
		TPM_DONE,
		REPLY(3, C_REPLY),
		JOB('A'),
		SENT(2),
		AND(SENT(3)),
		TPM_DONE,
		REPLY(1, A_REPLY),
		JOB('D'),
		TPM_DONE,
		REPLY(0, D_REPLY),
		NO_JOB,
		SENT(0),
		AND(SENT(1)),
		CLOSED(0, 0),
		CLOSED(1, 0),
		STOP,
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

static void test_cached_while_a_job_runs(void **state)
{
	const struct act script[] = {
		KNOWN(FACT_CERT),
		KNOWN(FACT_AIK_ECC),
		OPEN(0),
		SAY(0, activation('A')),
		JOB('A'),
		OPEN(1),
		SAY(1, activation('B')),
		OPEN(2),
		SAY(2, GET_EK "\n"),
		REPLY(2, EK_REPLY),
		JOB('A'),
		SENT(2),
		CLOSED(2, 0),
		OPEN(2),
		SAY(2, GET_DATA "\n"),
		REPLY(2, DATA_REPLY),
		SENT(2),
		OPENED(0),
		OPENED(1),
		/* It comes in one batch with the end of the job. */
		OPEN(3),
		SAY(3, GET_EK "\n"),
		AND(TPM_DONE),
		REPLY(3, EK_REPLY),
		REPLY(0, A_REPLY),
		JOB('B'),
		SENT(0),
		AND(SENT(3)),
		TPM_DONE,
		REPLY(1, B_REPLY),
		SENT(1),
		STOP,
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

/* What the job of one client finds out answers all who wait for the same. */
static void test_known_meanwhile(void **state)
{
	const struct act script[] = {
		OPEN(0),
		SAY(0, GET_EK "\n"),
		EK_JOB,
		OPEN(1),
		SAY(1, activation('A')),
		OPEN(2),
		SAY(2, GET_DATA "\n"),
		OPEN(3),
		SAY(3, GET_EK "\n"),
		OPENED(3),
		KNOWN(FACT_CERT),
		TPM_DONE,
		REPLY(0, EK_REPLY),
		REPLY(3, EK_REPLY),
		OPENED(2),
		JOB('A'),
		KNOWN(FACT_AIK_ECC),
		TPM_READY,
		REPLY(2, DATA_REPLY),
		JOB('A'),
		SENT(0),
		AND(SENT(2)),
		AND(SENT(3)),
		TPM_DONE,
		REPLY(1, A_REPLY),
		SENT(1),
		STOP,
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

static void test_a_job_fails(void **state)
{
	const struct act script[] = {
		OPEN(0),
		SAY(0, activation('A')),
		OPEN(1),
		SAY(1, GET_EK "\n"),
		JOB('A'),
		TPM_FAILED(-ERR_REJECTED, 0x1df),
		REPLY(0,
		      ERROR_REPLY(PREFIX "the TPM refused the credential: it was made for another "
					 "EK or AIK, or is damaged",
				  "credential_rejected\",\"tpm_rc\":\"0x1df")),
		EK_JOB,
		TPM_FAILED(-ERR_TPM_HIERARCHY, 0x185),
		REPLY(1, ERROR_REPLY("the endorsement hierarchy is disabled",
				     "hierarchy_disabled\",\"tpm_rc\":\"0x185")),
		LOGGED("getEK hierarchy_disabled tpm_rc=0x185 tpm_commands=5 peer=1"),
		SENT(0),
		AND(SENT(1)),
		CLOSED(0, 0),
		CLOSED(1, 0),
		OPEN(1),
		SAY(1, activation('B')),
		JOB('B'),
		TPM_DONE,
		REPLY(1, B_REPLY),
		SENT(1),
		STOP,
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0); /* serve exits with 0, whatever errors clients got */
}

/* ---- no TPM ------------------------------------------------------------- */

static void test_no_tpm(void **state)
{
	const struct act script[] = {
		WAIT_ERROR(-ERR_TPM_UNAVAILABLE),
		OPEN(0),
		SAY(0, GET_EK "\n"),
		REPLY(0, UNAVAILABLE_REPLY("")),
		SENT(0),
		OPEN(0),
		SAY(0, activation('A')),
		REPLY(0, UNAVAILABLE_REPLY(PREFIX)),
		SENT(0),
		/* What is known is answered without a TPM. */
		KNOWN(FACT_CERT),
		OPEN(0),
		SAY(0, GET_EK "\n"),
		REPLY(0, EK_REPLY),
		SENT(0),
		WAIT_ERROR(0),
		OPEN(0),
		SAY(0, activation('A')),
		JOB('A'),
		TPM_DONE,
		REPLY(0, A_REPLY),
		SENT(0),
		STOP,
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

/* The TPM may still come up: clients wait, and then are answered or refused. */
static void test_late_tpm(void **state)
{
	const struct act script[] = {
		OWN_JOB(true),
		TPM_WAKES(500),
		OPEN(0),
		SAY(0, GET_EK "\n"),
		OPENED(0),
		NO_JOB,
		WAITS_UNTIL(500),
		TPM_WAKES(900),
		AT(600),
		OPENED(0),
		WAIT_ERROR(-ERR_TPM_UNAVAILABLE),
		TPM_WAKES(5000),
		AT(901),
		REPLY(0, UNAVAILABLE_REPLY("")),
		SENT(0),
		WAIT_ERROR(0),
		TPM_WAKES(1200),
		OPEN(0),
		SAY(0, GET_EK "\n"),
		OPENED(0),
		NO_JOB,
		OWN_JOB(false),
		TPM_WAKES((int64_t)PORT_NEVER),
		TPM_READY,
		EK_JOB,
		TPM_DONE,
		REPLY(0, EK_REPLY),
		SENT(0),
		STOP,
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

/* ---- many ---------------------------------------------------------------- */

static void test_all_slots(void **state)
{
	static struct act script[8 * CONN_MAX + 2];
	struct act *a = script;

	(void)state;
	for (unsigned c = 0; c < CONN_MAX; c++) { /* in one batch */
		*a++ = (struct act)OPEN(c);
		*a++ = (struct act){.kind = JOINED};
	}
	a--; /* nothing is joined to the last */
	for (unsigned c = CONN_MAX; c-- > 0;) {
		*a++ = (struct act)SAY(c, activation((char)('A' + c % 4)));
	}
	for (unsigned c = CONN_MAX; c-- > 0;) { /* in the order of arrival */
		static const char *const replies[] = {A_REPLY, B_REPLY, C_REPLY, D_REPLY};

		*a++ = (struct act)JOB('A' + c % 4);
		*a++ = (struct act)TPM_DONE;
		*a++ = (struct act)REPLY(c, replies[c % 4]);
		*a++ = (struct act)SENT(c);
		*a++ = (struct act)CLOSED(c, 0);
	}
	*a = (struct act)STOP;
	serve(PORT_SERVE, script, 0);
}

/* After a reply without a certificate, it is looked for again: at most once a minute, and never
 * while a client waits for the TPM. */
static void test_looks_for_a_certificate(void **state)
{
	const struct act script[] = {
		KNOWN(FACT_CERT),
		AT(1000),
		WAITS_UNTIL((int64_t)PORT_NEVER),
		OPEN(0),
		SAY(0, GET_EK "\n"),
		REPLY(0, EK_REPLY),
		SENT(0),
		LOOKED(0, 0),
		WAITS_UNTIL(60000),
		AT(60000),
		LOOKED(1, 0),
		WAITS_UNTIL((int64_t)PORT_NEVER),
		/* At once, if the last search was long ago. */
		AT(130000),
		LOOKED(1, 0),
		OPEN(0),
		SAY(0, GET_EK "\n"),
		REPLY(0, EK_REPLY),
		LOOKED(2, 0),
		SENT(0),
		/* A client that needs the TPM comes first, and ends a search. */
		AT(200000),
		OPEN(0),
		OPEN(1),
		SAY(0, activation('A')),
		AND(SAY(1, GET_EK "\n")),
		REPLY(1, EK_REPLY),
		JOB('A'),
		LOOKED(2, 0),
		TPM_DONE,
		REPLY(0, A_REPLY),
		LOOKED(3, 0),
		SENT(0),
		SENT(1),
		OWN_JOB(true),
		OPEN(0),
		SAY(0, activation('B')),
		NO_JOB,
		LOOKED(3, 1),
		OWN_JOB(false),
		TPM_READY,
		JOB('B'),
		TPM_DONE,
		SENT(0),
		STOP,
		STATE(PORT_STOPPED),
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_job),
		cmocka_unit_test(test_order_of_arrival),
		cmocka_unit_test(test_cached_while_a_job_runs),
		cmocka_unit_test(test_known_meanwhile),
		cmocka_unit_test(test_a_job_fails),
		cmocka_unit_test(test_no_tpm),
		cmocka_unit_test(test_late_tpm),
		cmocka_unit_test(test_all_slots),
		cmocka_unit_test(test_looks_for_a_certificate),
	};

	return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
