/* src/service/server.c: how it ends. */
#include "fake_server.h"
#include "server_lines.h"

static void test_stop(void **state)
{
	const struct act script[] = {
		STATE(PORT_READY),
		LOGGED("the TPM's log"),
		/* Nobody has connected. */
		STOP,
		STATE(PORT_STOPPED),
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

/* The TPM works for one client, one waits, one has not sent its request, and one reads its
 * reply. */
static void test_stop_with_clients(void **state)
{
	const struct act script[] = {
		KNOWN(FACT_CERT),
		OPEN(0),
		SAY(0, activation('A')),
		OPEN(1),
		SAY(1, activation('B')),
		OPEN(2),
		SAY(2, "{"),
		OPEN(3),
		SAY(3, GET_EK "\n"),
		REPLY(3, EK_REPLY),
		AT(300),
		STOP,
		STATE(PORT_STOPPING),
		OPENED(0),
		JOB('A'),
		REPLY(1, STOPPING_REPLY(PREFIX)),
		CLOSED(2, 0),
		REPLY(3, EK_REPLY),
		WAITS_UNTIL(300 + STOP_MS),
		SENT(1),
		CLOSED(1, 0),
		SENT(3),
		CLOSED(3, 0),
		AT(2000),
		TPM_DONE,
		REPLY(0, A_REPLY),
		STATE(PORT_STOPPING),
		SENT(0),
		CLOSED(0, 0),
		STATE(PORT_STOPPED),
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

/* Lines that come in one batch with the stop, and a client that was accepted before it. */
static void test_stop_in_a_batch(void **state)
{
	const struct act script[] = {
		KNOWN(FACT_CERT),
		OPEN(0),
		OPEN(1),
		OPEN(2),
		OPEN(3),
		SAY(0, activation('A')),
		AND(STOP),
		AND(SAY(1, GET_EK "\n")),
		AND(SAY(2, activation('B'))),
		AND(SAY(3, "{")),
		AND(OPEN(4)),
		NO_JOB,
		REPLY(0, STOPPING_REPLY(PREFIX)),
		REPLY(1, EK_REPLY),
		REPLY(2, STOPPING_REPLY(PREFIX)),
		CLOSED(3, 0),
		CLOSED(4, 0),
		SENT(0),
		AND(SENT(1)),
		AND(SENT(2)),
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

/* It waits at most STOP_MS for a job, and for a client to read its reply. */
static void test_stop_is_bounded(void **state)
{
	const struct act script[] = {
		KNOWN(FACT_CERT),
		OPEN(0),
		SAY(0, activation('A')),
		OPEN(1),
		SAY(1, GET_EK "\n"),
		AT(1000),
		STOP,
		JOB('A'),
		REPLY(1, EK_REPLY),
		WAITS_UNTIL(1000 + STOP_MS),
		AT(1000 + STOP_MS - 1),
		JOB('A'),
		REPLY(1, EK_REPLY),
		AT(1000 + STOP_MS + 1),
		NOW(1000 + STOP_MS),
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

/* If port_wait fails, the server cannot go on, and exits with 1. */
static void test_wait_fails(void **state)
{
	const struct act script[] = {
		OPEN(0),
		FAIL,
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_stop_with_clients),
		cmocka_unit_test(test_stop_in_a_batch),
		cmocka_unit_test(test_stop_is_bounded),
		cmocka_unit_test(test_wait_fails),
	};

	return cmocka_run_group_tests_name("server: stop", tests, NULL, NULL);
}
