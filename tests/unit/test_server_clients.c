/* src/service/server.c: clients that are silent, that go, and that are not let in. */
#include "fake_server.h"
#include "server_lines.h"

/* ---- deadlines ---------------------------------------------------------- */

static void test_silent_clients(void **state)
{
	const struct act script[] = {
		AT(50),
		OPEN(0),
		WAITS_UNTIL(50 + CLIENT_MS),
		AT(1050),
		OPEN(1),
		WAITS_UNTIL(50 + CLIENT_MS),
		AT(9000),
		SAY(0, "{"),
		OPEN(2),
		AT(50 + CLIENT_MS - 1),
		OPENED(0),
		AT(50 + CLIENT_MS),
		CLOSED(0, 0),
		OPENED(1),
		WAITS_UNTIL(1050 + CLIENT_MS),
		AT(1050 + CLIENT_MS),
		CLOSED(1, 0),
		OPENED(2),
		AT(9000 + CLIENT_MS),
		CLOSED(2, 0),
		WAITS_UNTIL((int64_t)PORT_NEVER),
		STOP,
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

/* A byte now and then does not extend the deadline. */
static void test_trickling_client(void **state)
{
	const struct act script[] = {
		OPEN(0),
		/* A byte every two seconds. */
		AT(2000),
		SAY(0, "{"),
		AT(4000),
		SAY(0, " "),
		AT(6000),
		SAY(0, " "),
		AT(8000),
		SAY(0, " "),
		AT(CLIENT_MS - 1),
		SAY(0, " "),
		OPENED(0),
		AT(CLIENT_MS),
		CLOSED(0, 0),
		STOP,
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

/* A client that does not read its reply. Its time begins when the reply is sent. */
static void test_client_that_does_not_read(void **state)
{
	const struct act script[] = {
		OPEN(0),
		AT(9000),
		SAY(0, activation('A')),
		JOB('A'),
		OPEN(1),
		AT(70000),
		OPENED(0),
		CLOSED(1, 0),
		TPM_DONE,
		REPLY(0, A_REPLY),
		WAITS_UNTIL(70000 + CLIENT_MS),
		AT(70000 + CLIENT_MS - 1),
		REPLY(0, A_REPLY),
		AT(70000 + CLIENT_MS),
		CLOSED(0, 0),
		STOP,
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

/* While the server is blocked by the TPM it hears no client: deadlines move by as much. */
static void test_a_tpm_that_blocks(void **state)
{
	const struct act script[] = {
		OPEN(0),
		OPEN(1),
		SAY(1, "{"),
		AT(4000),
		BLOCKS(30000),
		SAY(0, activation('A')),
		JOB('A'),
		OPENED(1),
		WAITS_UNTIL(30000 + CLIENT_MS),
		BLOCKS(20000),
		TPM_DONE,
		REPLY(0, A_REPLY),
		WAITS_UNTIL(50000 + CLIENT_MS),
		AT(50000 + CLIENT_MS),
		CLOSED(1, 0),
		REPLY(0, A_REPLY),
		AT(54000 + CLIENT_MS),
		CLOSED(0, 0),
		STOP,
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

/* Clients that wait for the TPM have no deadline, because each job has one. */
static void test_waiting_clients(void **state)
{
	const struct act script[] = {
		OPEN(0),
		SAY(0, activation('A')),
		OPEN(1),
		SAY(1, activation('B')),
		JOB('A'),
		WAITS_UNTIL((int64_t)PORT_NEVER),
		/* The TPM's own deadline is the only one. */
		TPM_WAKES(30000),
		AT(29000),
		TPM_WAKES(180000),
		AT(100000),
		OPENED(0),
		OPENED(1),
		TPM_DONE,
		REPLY(0, A_REPLY),
		SENT(0),
		JOB('B'),
		TPM_DONE,
		REPLY(1, B_REPLY),
		SENT(1),
		STOP,
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

/* ---- clients that go --------------------------------------------------- */

static void test_gone_while_its_job_works(void **state)
{
	const struct act script[] = {
		OPEN(0),
		SAY(0, activation('A')),
		JOB('A'),
		OPEN(1),
		SAY(1, activation('B')),
		GONE(0),
		CLOSED(0, 0),
		JOB('A'),
		TPM_DONE,
		CLOSED(0, 0),
		OPENED(1),
		JOB('B'),
		/* Another client has its connection number now, and does not get the result. */
		GONE(1),
		OPEN(1),
		SAY(1, activation('C')),
		OPENED(1),
		JOB('B'),
		TPM_DONE,
		OPENED(1),
		JOB('C'),
		TPM_DONE,
		REPLY(1, C_REPLY),
		SENT(1),
		STOP,
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

static void test_gone_while_waiting(void **state)
{
	const struct act script[] = {
		OPEN(0),
		SAY(0, activation('A')),
		OPEN(1),
		SAY(1, activation('B')),
		OPEN(2),
		SAY(2, activation('C')),
		GONE(1),
		CLOSED(1, 0),
		JOB('A'),
		/* A new client with the same connection number is behind the others. */
		OPEN(1),
		SAY(1, activation('D')),
		TPM_DONE,
		JOB('C'),
		TPM_DONE,
		JOB('D'),
		TPM_DONE,
		REPLY(1, D_REPLY),
		REPLY(2, C_REPLY),
		SENT(0),
		AND(SENT(1)),
		AND(SENT(2)),
		STOP,
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

static void test_gone_with_its_reply(void **state)
{
	const struct act script[] = {
		OPEN(0),
		SAY(0, activation('A')),
		OPEN(1),
		SAY(1, activation('B')),
		TPM_DONE,
		REPLY(0, A_REPLY),
		/* It goes without having read its reply. */
		GONE(0),
		CLOSED(0, 0),
		JOB('B'),
		TPM_DONE,
		REPLY(1, B_REPLY),
		SENT(1),
		CLOSED(1, 0),
		STOP,
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

/* ---- clients that are not let in ----------------------------------------- */

static void test_not_admitted(void **state)
{
	const struct act script[] = {
		KNOWN(FACT_CERT),
		OPEN_REFUSED(3, -ERR_ACCESS),
		TURNED_AWAY(3, DENIED_REPLY),
		LOGGED("- access_denied tpm_commands=0 peer=3"),
		/* The server waits for nothing. */
		WAITS_UNTIL((int64_t)PORT_NEVER),
		OPEN_REFUSED(3, -ERR_CLIENTS),
		/* What it sent is ignored; the next client may have its number. */
		AND(SAY(3, GET_EK "\n")),
		TURNED_AWAY(3, CLIENTS_REPLY),
		LOGGED("- too_many_connections tpm_commands=0 peer=3"),
		OPEN_REFUSED(4, -ERR_CLIENTS),
		AND(GONE(4)),
		TURNED_AWAY(4, CLIENTS_REPLY),
		OPEN(3),
		OPENED(3),
		SAY(3, GET_EK "\n"),
		REPLY(3, EK_REPLY),
		SENT(3),
		CLOSED(3, 0),
		STOP,
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_silent_clients),
		cmocka_unit_test(test_trickling_client),
		cmocka_unit_test(test_client_that_does_not_read),
		cmocka_unit_test(test_a_tpm_that_blocks),
		cmocka_unit_test(test_waiting_clients),
		cmocka_unit_test(test_gone_while_its_job_works),
		cmocka_unit_test(test_gone_while_waiting),
		cmocka_unit_test(test_gone_with_its_reply),
		cmocka_unit_test(test_not_admitted),
	};

	return cmocka_run_group_tests_name("server: clients", tests, NULL, NULL);
}
