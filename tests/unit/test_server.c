/* src/service/server.c: lines, clients, and their order before the TPM. */
#include "fake_server.h"
#include "server_lines.h"

/* ---- lines ------------------------------------------------------------- */

static void test_one_request(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, KNOWN(FACT_CERT), OPEN(0), OPENED(0), STATE(PORT_READY),
	      SAY(0, GET_EK "\n"), REPLY(0, EK_REPLY), NO_JOB,
	      LOGGED("getEK ok tpm_commands=0 peer=0"), SENT(0), CLOSED(0, 0), STOP);
}

static void test_line_ends(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, KNOWN(FACT_CERT), OPEN(0), SAY(0, GET_EK "\r\n"), REPLY(0, EK_REPLY),
	      SENT(0), CLOSED(0, 0),
	      /* In pieces. */
	      OPEN(1), SAY(1, "{\"comm"), OPENED(1), SAY(1, "and\":\"getEK\"}"), OPENED(1),
	      SAY(1, "\r"), OPENED(1), SAY(1, "\n"), REPLY(1, EK_REPLY), SENT(1), CLOSED(1, 0),
	      /* Without a line end: it is one when there is no more to come. */
	      OPEN(2), SAY(2, GET_EK), OPENED(2), SAY_EOF(2, ""), REPLY(2, EK_REPLY), SENT(2),
	      CLOSED(2, LINGER_MS), OPEN(3), SAY_EOF(3, GET_EK "\r"), REPLY(3, EK_REPLY), SENT(3),
	      CLOSED(3, LINGER_MS), OPEN(3), SAY_EOF(3, GET_EK "\n"), REPLY(3, EK_REPLY), SENT(3),
	      CLOSED(3, 0), STOP);
}

/* One line a connection; the rest is read away, for the reply's sake. */
static void test_more_than_a_line(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, KNOWN(FACT_CERT), OPEN(0), SAY(0, GET_EK "\n" GET_DATA "\n"),
	      REPLY(0, EK_REPLY), SENT(0), CLOSED(0, LINGER_MS), NO_JOB, STOP);
}

static void test_no_request(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, OPEN(0), SAY_EOF(0, ""), CLOSED(0, 0), OPEN(1), GONE(1), CLOSED(1, 0),
	      OPEN(2), SAY(2, "{\"comm"), GONE(2), CLOSED(2, 0), OPEN(3), SAY(3, "\n"),
	      REPLY(3, ERROR_REPLY("The request is not a JSON object", "bad_json")),
	      LOGGED("- bad_json tpm_commands=0 peer=3"), SENT(3), CLOSED(3, 0), OPEN(4),
	      SAY(4, "{\"command\":\"no\"}\n"), REPLY(4, UNKNOWN_REPLY), SENT(4), CLOSED(4, 0),
	      /* What else is reported of a client in the batch that ended it. */
	      OPEN(5), SAY_EOF(5, ""), AND, GONE(5), CLOSED(5, 0), NO_JOB, STOP);
}

#define LONGEST (REQUEST_MAX - (int)sizeof GET_EK + 1)

static void test_long_lines(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, KNOWN(FACT_CERT),
	      /* Just not too long. */
	      OPEN(0), PAD(0, LONGEST, GET_EK "\n"), REPLY(0, EK_REPLY), SENT(0), CLOSED(0, 0),
	      OPEN(0), PAD(0, LONGEST, GET_EK "\r\n"), REPLY(0, EK_REPLY), SENT(0), CLOSED(0, 0),
	      OPEN(0), PAD(0, LONGEST, GET_EK), OPENED(0), SAY(0, "\r"), OPENED(0), SAY(0, "\n"),
	      REPLY(0, EK_REPLY), SENT(0), CLOSED(0, 0), OPEN(0), PAD(0, LONGEST, GET_EK),
	      SAY_EOF(0, ""), REPLY(0, EK_REPLY), SENT(0), CLOSED(0, LINGER_MS),
	      /* By one byte, and by any number. */
	      OPEN(1), PAD(1, LONGEST + 1, GET_EK "\n"), REPLY(1, TOO_LONG_REPLY),
	      LOGGED("- request_too_long tpm_commands=0 peer=1"), SENT(1), CLOSED(1, 0), OPEN(1),
	      PAD(1, LONGEST + 1, GET_EK), OPENED(1), SAY(1, "\n"), REPLY(1, TOO_LONG_REPLY),
	      SENT(1), CLOSED(1, 0), OPEN(1), PAD(1, LONGEST + 1, GET_EK), SAY_EOF(1, ""),
	      REPLY(1, TOO_LONG_REPLY), SENT(1), CLOSED(1, LINGER_MS), OPEN(2), PAD(2, RX_MAX, ""),
	      REPLY(2, TOO_LONG_REPLY), SENT(2), CLOSED(2, LINGER_MS), OPEN(2),
	      PAD(2, RX_MAX - 1, ""), OPENED(2), SAY(2, "x"), REPLY(2, TOO_LONG_REPLY), GONE(2),
	      CLOSED(2, 0), STOP);
}

/* ---- the TPM ----------------------------------------------------------- */

static void test_one_job(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, OPEN(5), SAY(5, activation('A')), OPENED(5), JOB('A'), TPM_READY,
	      JOB('A'), TPM_DONE, NO_JOB, REPLY(5, A_REPLY),
	      LOGGED("activateCredential ok tpm_commands=5 peer=5"), SENT(5), CLOSED(5, 0), OPEN(5),
	      SAY(5, GET_EK "\n"), EK_JOB, TPM_DONE, REPLY(5, EK_REPLY), SENT(5), OPEN(5),
	      SAY(5, GET_DATA "\n"), AIK_JOB, TPM_DONE, REPLY(5, DATA_REPLY), SENT(5), STOP);
}

/* Whose line was whole first, whatever their slots and the order they came in. */
static void test_order_of_arrival(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, OPEN(0), AND, OPEN(1), AND, OPEN(2), AND, OPEN(3),
	      SAY(2, activation('B')), SAY(3, activation('C')), AND, SAY(1, activation('A')),
	      SAY(0, activation('D')), JOB('B'), TPM_DONE, REPLY(2, B_REPLY), JOB('C'), OPENED(0),
	      OPENED(1), TPM_DONE, REPLY(3, C_REPLY), JOB('A'), SENT(2), AND, SENT(3), TPM_DONE,
	      REPLY(1, A_REPLY), JOB('D'), TPM_DONE, REPLY(0, D_REPLY), NO_JOB, SENT(0), AND,
	      SENT(1), CLOSED(0, 0), CLOSED(1, 0), STOP);
}

static void test_cached_while_a_job_runs(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, KNOWN(FACT_CERT), KNOWN(FACT_AIK_ECC), OPEN(0),
	      SAY(0, activation('A')), JOB('A'), OPEN(1), SAY(1, activation('B')), OPEN(2),
	      SAY(2, GET_EK "\n"), REPLY(2, EK_REPLY), JOB('A'), SENT(2), CLOSED(2, 0), OPEN(2),
	      SAY(2, GET_DATA "\n"), REPLY(2, DATA_REPLY), SENT(2), OPENED(0), OPENED(1),
	      /* In one batch with the end of the job. */
	      OPEN(3), SAY(3, GET_EK "\n"), AND, TPM_DONE, REPLY(3, EK_REPLY), REPLY(0, A_REPLY),
	      JOB('B'), SENT(0), AND, SENT(3), TPM_DONE, REPLY(1, B_REPLY), SENT(1), STOP);
}

/* What one's job has found out, all who wait for it are told. */
static void test_known_meanwhile(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, OPEN(0), SAY(0, GET_EK "\n"), EK_JOB, OPEN(1), SAY(1, activation('A')),
	      OPEN(2), SAY(2, GET_DATA "\n"), OPEN(3), SAY(3, GET_EK "\n"), OPENED(3),
	      KNOWN(FACT_CERT), TPM_DONE, REPLY(0, EK_REPLY), REPLY(3, EK_REPLY), OPENED(2),
	      JOB('A'), KNOWN(FACT_AIK_ECC), TPM_READY, REPLY(2, DATA_REPLY), JOB('A'), SENT(0),
	      AND, SENT(2), AND, SENT(3), TPM_DONE, REPLY(1, A_REPLY), SENT(1), STOP);
}

static void test_a_job_fails(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, OPEN(0), SAY(0, activation('A')), OPEN(1), SAY(1, GET_EK "\n"),
	      JOB('A'), TPM_FAILED(-ERR_REJECTED, 0x1df),
	      REPLY(0, ERROR_REPLY(PREFIX "the TPM refused the credential: it was made for another "
					  "EK or AIK, or is damaged",
				   "credential_rejected\",\"tpm_rc\":\"0x1df")),
	      EK_JOB, TPM_FAILED(-ERR_TPM_HIERARCHY, 0x185),
	      REPLY(1, ERROR_REPLY("the endorsement hierarchy is disabled",
				   "hierarchy_disabled\",\"tpm_rc\":\"0x185")),
	      LOGGED("getEK hierarchy_disabled tpm_rc=0x185 tpm_commands=5 peer=1"), SENT(0), AND,
	      SENT(1), CLOSED(0, 0), CLOSED(1, 0), OPEN(1), SAY(1, activation('B')), JOB('B'),
	      TPM_DONE, REPLY(1, B_REPLY), SENT(1), STOP); /* an error is no failure of a service */
}

/* ---- clients that go --------------------------------------------------- */

static void test_gone_while_its_job_works(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, OPEN(0), SAY(0, activation('A')), JOB('A'), OPEN(1),
	      SAY(1, activation('B')), GONE(0), CLOSED(0, 0), JOB('A'), TPM_DONE, CLOSED(0, 0),
	      OPENED(1), JOB('B'),
	      /* Its slot is another's now, whom the result is not for. */
	      GONE(1), OPEN(1), SAY(1, activation('C')), OPENED(1), JOB('B'), TPM_DONE, OPENED(1),
	      JOB('C'), TPM_DONE, REPLY(1, C_REPLY), SENT(1), STOP);
}

static void test_gone_while_waiting(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, OPEN(0), SAY(0, activation('A')), OPEN(1), SAY(1, activation('B')),
	      OPEN(2), SAY(2, activation('C')), GONE(1), CLOSED(1, 0), JOB('A'),
	      /* One that comes into its slot is behind the others. */
	      OPEN(1), SAY(1, activation('D')), TPM_DONE, JOB('C'), TPM_DONE, JOB('D'), TPM_DONE,
	      REPLY(1, D_REPLY), REPLY(2, C_REPLY), SENT(0), AND, SENT(1), AND, SENT(2), STOP);
}

static void test_gone_with_its_reply(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, OPEN(0), SAY(0, activation('A')), OPEN(1), SAY(1, activation('B')),
	      TPM_DONE, REPLY(0, A_REPLY), GONE(0), CLOSED(0, 0), JOB('B'), TPM_DONE,
	      REPLY(1, B_REPLY), SENT(1), CLOSED(1, 0), STOP);
}

/* ---- clients that are not let in ----------------------------------------- */

static void test_not_admitted(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, KNOWN(FACT_CERT), OPEN_REFUSED(3, -ERR_ACCESS),
	      TURNED_AWAY(3, DENIED_REPLY), LOGGED("- access_denied tpm_commands=0 peer=3"),
	      /* Nothing is waited for. */
	      WAITS_UNTIL((int64_t)PORT_NEVER), OPEN_REFUSED(3, -ERR_CLIENTS), AND,
	      /* What it has said already is not looked at; its slot is the next one's. */
	      SAY(3, GET_EK "\n"), TURNED_AWAY(3, CLIENTS_REPLY),
	      LOGGED("- too_many_connections tpm_commands=0 peer=3"), OPEN_REFUSED(4, -ERR_CLIENTS),
	      AND, GONE(4), TURNED_AWAY(4, CLIENTS_REPLY), OPEN(3), OPENED(3), SAY(3, GET_EK "\n"),
	      REPLY(3, EK_REPLY), SENT(3), CLOSED(3, 0), STOP);
}

/* ---- no TPM ------------------------------------------------------------- */

static void test_no_tpm(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, OUTLOOK(-ERR_TPM_UNAVAILABLE), OPEN(0), SAY(0, GET_EK "\n"),
	      REPLY(0, UNAVAILABLE_REPLY("")), SENT(0), OPEN(0), SAY(0, activation('A')),
	      REPLY(0, UNAVAILABLE_REPLY(PREFIX)), SENT(0),
	      /* What is known is known. */
	      KNOWN(FACT_CERT), OPEN(0), SAY(0, GET_EK "\n"), REPLY(0, EK_REPLY), SENT(0),
	      OUTLOOK(0), OPEN(0), SAY(0, activation('A')), JOB('A'), TPM_DONE, REPLY(0, A_REPLY),
	      SENT(0), STOP);
}

/* It may still come up: who asks waits, to be answered or refused. */
static void test_late_tpm(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, OWN_JOB(true), TPM_WAKES(500), OPEN(0), SAY(0, GET_EK "\n"), OPENED(0),
	      NO_JOB, WAITS_UNTIL(500), TPM_WAKES(900), AT(600), OPENED(0),
	      OUTLOOK(-ERR_TPM_UNAVAILABLE), TPM_WAKES(5000), AT(901),
	      REPLY(0, UNAVAILABLE_REPLY("")), SENT(0), OUTLOOK(0), TPM_WAKES(1200), OPEN(0),
	      SAY(0, GET_EK "\n"), OPENED(0), NO_JOB, OWN_JOB(false),
	      TPM_WAKES((int64_t)PORT_NEVER), TPM_READY, EK_JOB, TPM_DONE, REPLY(0, EK_REPLY),
	      SENT(0), STOP);
}

/* ---- many ---------------------------------------------------------------- */

static void test_all_slots(void **state)
{
	static struct act script[8 * CONN_MAX + 2];
	struct act *a = script;

	(void)state;
	for (unsigned c = 0; c < CONN_MAX; c++) { /* in one batch */
		*a++ = (struct act)OPEN(c);
		*a++ = (struct act)AND;
	}
	a--;
	for (unsigned c = CONN_MAX; c-- > 0;) {
		*a++ = (struct act)SAY(c, activation((char)('A' + c % 4)));
	}
	for (unsigned c = CONN_MAX; c-- > 0;) { /* as they came */
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

/* A reply without a certificate: it is looked for behind it, but not more often than
 * once a minute, and never while somebody waits for the TPM. */
static void test_looks_for_a_certificate(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, KNOWN(FACT_CERT), AT(1000), WAITS_UNTIL((int64_t)PORT_NEVER), OPEN(0),
	      SAY(0, GET_EK "\n"), REPLY(0, EK_REPLY), SENT(0), LOOKED(0, 0), WAITS_UNTIL(60000),
	      AT(60000), LOOKED(1, 0), WAITS_UNTIL((int64_t)PORT_NEVER),
	      /* At once, if the last was long ago. */
	      AT(130000), LOOKED(1, 0), OPEN(0), SAY(0, GET_EK "\n"), REPLY(0, EK_REPLY),
	      LOOKED(2, 0), SENT(0),
	      /* Who needs the TPM comes first, and does not wait for a look to end. */
	      AT(200000), OPEN(0), OPEN(1), SAY(0, activation('A')), AND, SAY(1, GET_EK "\n"),
	      REPLY(1, EK_REPLY), JOB('A'), LOOKED(2, 0), TPM_DONE, REPLY(0, A_REPLY), LOOKED(3, 0),
	      SENT(0), SENT(1), OWN_JOB(true), OPEN(0), SAY(0, activation('B')), NO_JOB,
	      LOOKED(3, 1), OWN_JOB(false), TPM_READY, JOB('B'), TPM_DONE, SENT(0), STOP,
	      STATE(PORT_STOPPED));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_request),
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_more_than_a_line),
		cmocka_unit_test(test_no_request),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_one_job),
		cmocka_unit_test(test_order_of_arrival),
		cmocka_unit_test(test_cached_while_a_job_runs),
		cmocka_unit_test(test_known_meanwhile),
		cmocka_unit_test(test_a_job_fails),
		cmocka_unit_test(test_gone_while_its_job_works),
		cmocka_unit_test(test_gone_while_waiting),
		cmocka_unit_test(test_gone_with_its_reply),
		cmocka_unit_test(test_not_admitted),
		cmocka_unit_test(test_no_tpm),
		cmocka_unit_test(test_late_tpm),
		cmocka_unit_test(test_all_slots),
		cmocka_unit_test(test_looks_for_a_certificate),
	};

	return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
