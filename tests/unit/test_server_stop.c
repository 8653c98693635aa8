/* src/service/server.c: times, `attestd once`, and the end. */
#include "fake_server.h"
#include "server_lines.h"

/* ---- deadlines ---------------------------------------------------------- */

static void test_silent_clients(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, AT(50), OPEN(0), WAITS_UNTIL(50 + CLIENT_MS), AT(1050), OPEN(1),
	      WAITS_UNTIL(50 + CLIENT_MS), AT(9000), SAY(0, "{"), OPEN(2), AT(50 + CLIENT_MS - 1),
	      OPENED(0), AT(50 + CLIENT_MS), CLOSED(0, 0), OPENED(1), WAITS_UNTIL(1050 + CLIENT_MS),
	      AT(1050 + CLIENT_MS), CLOSED(1, 0), OPENED(2), AT(9000 + CLIENT_MS), CLOSED(2, 0),
	      WAITS_UNTIL((int64_t)PORT_NEVER), STOP);
}

/* A byte now and then does not count as a request. */
static void test_trickling_client(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, OPEN(0), AT(2000), SAY(0, "{"), AT(4000), SAY(0, " "), AT(6000),
	      SAY(0, " "), AT(8000), SAY(0, " "), AT(CLIENT_MS - 1), SAY(0, " "), OPENED(0),
	      AT(CLIENT_MS), CLOSED(0, 0), STOP);
}

/* A reply that is not read; its time begins when it is there. */
static void test_client_that_does_not_read(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, OPEN(0), AT(9000), SAY(0, activation('A')), JOB('A'), OPEN(1),
	      AT(70000), OPENED(0), CLOSED(1, 0), TPM_DONE, REPLY(0, A_REPLY),
	      WAITS_UNTIL(70000 + CLIENT_MS), AT(70000 + CLIENT_MS - 1), REPLY(0, A_REPLY),
	      AT(70000 + CLIENT_MS), CLOSED(0, 0), STOP);
}

/* Nor is it silence while nobody was listened to: the TPM could only be waited for. */
static void test_a_tpm_that_blocks(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, OPEN(0), OPEN(1), SAY(1, "{"), AT(4000), BLOCKS(30000),
	      SAY(0, activation('A')), JOB('A'), OPENED(1), WAITS_UNTIL(30000 + CLIENT_MS),
	      BLOCKS(20000), TPM_DONE, REPLY(0, A_REPLY), WAITS_UNTIL(50000 + CLIENT_MS),
	      AT(50000 + CLIENT_MS), CLOSED(1, 0), REPLY(0, A_REPLY), AT(54000 + CLIENT_MS),
	      CLOSED(0, 0), STOP);
}

/* Those who wait for the TPM have no deadline of their own: its jobs end. */
static void test_waiting_clients(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, OPEN(0), SAY(0, activation('A')), OPEN(1), SAY(1, activation('B')),
	      JOB('A'), WAITS_UNTIL((int64_t)PORT_NEVER), TPM_WAKES(30000), AT(29000),
	      TPM_WAKES(180000), AT(100000), OPENED(0), OPENED(1), TPM_DONE, REPLY(0, A_REPLY),
	      SENT(0), JOB('B'), TPM_DONE, REPLY(1, B_REPLY), SENT(1), STOP);
}

/* ---- the end -------------------------------------------------------------- */

static void test_stop(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, STATE(PORT_READY), LOGGED("the TPM's log"), STOP, STATE(PORT_STOPPED));
}

/* One client's job works, one waits, one has not said what it wants, and one
 * reads its reply. */
static void test_stop_with_clients(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, KNOWN(FACT_CERT), OPEN(0), SAY(0, activation('A')), OPEN(1),
	      SAY(1, activation('B')), OPEN(2), SAY(2, "{"), OPEN(3), SAY(3, GET_EK "\n"),
	      REPLY(3, EK_REPLY), AT(300), STOP, STATE(PORT_STOPPING), OPENED(0), JOB('A'),
	      REPLY(1, STOPPING_REPLY(PREFIX)), CLOSED(2, 0), REPLY(3, EK_REPLY),
	      WAITS_UNTIL(300 + STOP_MS), SENT(1), CLOSED(1, 0), SENT(3), CLOSED(3, 0), AT(2000),
	      TPM_DONE, REPLY(0, A_REPLY), STATE(PORT_STOPPING), SENT(0), CLOSED(0, 0),
	      STATE(PORT_STOPPED));
}

/* Lines that come together with the stop, and a slot that had been accepted. */
static void test_stop_in_a_batch(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, KNOWN(FACT_CERT), OPEN(0), OPEN(1), OPEN(2), OPEN(3),
	      SAY(0, activation('A')), AND, STOP, AND, SAY(1, GET_EK "\n"), AND,
	      SAY(2, activation('B')), AND, SAY(3, "{"), AND, OPEN(4), NO_JOB,
	      REPLY(0, STOPPING_REPLY(PREFIX)), REPLY(1, EK_REPLY),
	      REPLY(2, STOPPING_REPLY(PREFIX)), CLOSED(3, 0), CLOSED(4, 0), SENT(0), AND, SENT(1),
	      AND, SENT(2));
}

/* It waits for a job, and for a client to read, no longer than it may. */
static void test_stop_is_bounded(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, KNOWN(FACT_CERT), OPEN(0), SAY(0, activation('A')), OPEN(1),
	      SAY(1, GET_EK "\n"), AT(1000), STOP, JOB('A'), REPLY(1, EK_REPLY),
	      WAITS_UNTIL(1000 + STOP_MS), AT(1000 + STOP_MS - 1), JOB('A'), REPLY(1, EK_REPLY),
	      AT(1000 + STOP_MS + 1), NOW(1000 + STOP_MS));
}

/* A port whose wait is broken cannot go on: that is a failure. */
static void test_wait_fails(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 1, OPEN(0), FAIL);
}

/* ---- once ------------------------------------------------------------------ */

static void test_once(void **state)
{
	(void)state;
	SERVE(PORT_ONCE, 0, KNOWN(FACT_CERT), OPEN(0), OPENED(0), SAY(0, GET_EK "\n"),
	      REPLY(0, EK_REPLY), SENT(0), OPENED(0),
	      /* Several lines at once are answered one by one. */
	      SAY(0, activation('A')), JOB('A'), TPM_DONE, REPLY(0, A_REPLY), SENT(0), OPENED(0),
	      SAY(0, GET_EK "\r\n" GET_DATA "\n" GET_EK "\n{\"comm"), REPLY(0, EK_REPLY), SENT(0),
	      AIK_JOB, OPENED(0), TPM_DONE, REPLY(0, DATA_REPLY), SENT(0), REPLY(0, EK_REPLY),
	      SENT(0), OPENED(0), SAY(0, "and\":\"getEK\"}\n"), REPLY(0, EK_REPLY), SENT(0),
	      /* There is no hurry. */
	      WAITS_UNTIL(60000), AT(100000), OPENED(0), WAITS_UNTIL((int64_t)PORT_NEVER),
	      SAY(0, GET_EK "\n"), AT(200000), REPLY(0, EK_REPLY), SENT(0), SAY_EOF(0, ""),
	      STATE(PORT_STOPPED));
}

static void test_once_without_a_line_end(void **state)
{
	(void)state;
	SERVE(PORT_ONCE, 0, KNOWN(FACT_CERT), OPEN(0), SAY_EOF(0, GET_EK "\n" GET_EK),
	      REPLY(0, EK_REPLY), SENT(0), REPLY(0, EK_REPLY), SENT(0), STATE(PORT_STOPPED));
}

static void test_once_without_a_line(void **state)
{
	(void)state;
	SERVE(PORT_ONCE, 0, OPEN(0), SAY_EOF(0, ""), STATE(PORT_STOPPED));
}

/* An input that cannot be read, a reply that cannot be written: no success. */
static void test_once_is_broken(void **state)
{
	(void)state;
	SERVE(PORT_ONCE, 1, OPEN(0), GONE(0), STATE(PORT_STOPPED));
	SERVE(PORT_ONCE, 1, KNOWN(FACT_CERT), OPEN(0), SAY_EOF(0, GET_EK "\n" GET_EK),
	      REPLY(0, EK_REPLY), GONE(0), STATE(PORT_STOPPED));
	/* Nobody reads, and it is to end. */
	SERVE(PORT_ONCE, 1, KNOWN(FACT_CERT), OPEN(0), SAY(0, GET_EK "\n"), REPLY(0, EK_REPLY),
	      STOP, AT(STOP_MS), STATE(PORT_STOPPED));
}

/* Its OPEN is the first event, but port_wait may come back before it. */
static void test_once_is_patient(void **state)
{
	(void)state;
	SERVE(PORT_ONCE, 0, KNOWN(FACT_CERT), TPM_WAKES(20), AT(10), TPM_WAKES(20000), AT(15000),
	      OPENED(0), OPEN(0), SAY(0, GET_EK "\n"), REPLY(0, EK_REPLY), SENT(0), SAY_EOF(0, ""));
}

/* Any error at all, before or after a success, shows in the exit code. */
static void test_once_with_errors(void **state)
{
	(void)state;
	SERVE(PORT_ONCE, 1, KNOWN(FACT_CERT), OPEN(0), SAY_EOF(0, "{}\n" GET_EK "\n"),
	      REPLY(0, UNKNOWN_REPLY), SENT(0), REPLY(0, EK_REPLY), SENT(0));
	SERVE(PORT_ONCE, 1, OPEN(0), SAY_EOF(0, GET_EK "\n" GET_EK "\n"), EK_JOB, TPM_DONE,
	      REPLY(0, EK_REPLY), SENT(0), EK_JOB, TPM_FAILED(-ERR_TPM_TIMEOUT, 0),
	      REPLY(0, ERROR_REPLY("the TPM did not answer in time", "tpm_timeout")), SENT(0));
	/* What follows a line that is too long is no line, up to its end. */
	SERVE(PORT_ONCE, 1, KNOWN(FACT_CERT), OPEN(0), PAD(0, RX_MAX, ""), REPLY(0, TOO_LONG_REPLY),
	      SENT(0), SAY(0, "more of it\n" GET_EK "\n"), REPLY(0, EK_REPLY), SENT(0),
	      SAY_EOF(0, ""));
	/* But the whole of this one has come. */
	SERVE(PORT_ONCE, 1, KNOWN(FACT_CERT), OPEN(0), PAD(0, REQUEST_MAX + 1, "\n"),
	      REPLY(0, TOO_LONG_REPLY), SENT(0), SAY(0, GET_EK "\n"), REPLY(0, EK_REPLY), SENT(0),
	      SAY_EOF(0, ""));
}

/* The line in hand is answered; those behind it are not begun. */
static void test_once_and_stop(void **state)
{
	(void)state;
	SERVE(PORT_ONCE, 0, OPEN(0), SAY(0, activation('A')), STOP, JOB('A'), TPM_DONE,
	      REPLY(0, A_REPLY), SENT(0), STATE(PORT_STOPPED));
	SERVE(PORT_ONCE, 0, OPEN(0), STOP, STATE(PORT_STOPPED));
	SERVE(PORT_ONCE, 1, OPEN(0), SAY(0, GET_EK "\n" GET_DATA "\n"), STOP, EK_JOB, TPM_DONE,
	      REPLY(0, EK_REPLY), SENT(0), NO_JOB, REPLY(0, STOPPING_REPLY("")), SENT(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_silent_clients),
		cmocka_unit_test(test_trickling_client),
		cmocka_unit_test(test_client_that_does_not_read),
		cmocka_unit_test(test_a_tpm_that_blocks),
		cmocka_unit_test(test_waiting_clients),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_stop_with_clients),
		cmocka_unit_test(test_stop_in_a_batch),
		cmocka_unit_test(test_stop_is_bounded),
		cmocka_unit_test(test_wait_fails),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_once_without_a_line_end),
		cmocka_unit_test(test_once_without_a_line),
		cmocka_unit_test(test_once_is_broken),
		cmocka_unit_test(test_once_is_patient),
		cmocka_unit_test(test_once_with_errors),
		cmocka_unit_test(test_once_and_stop),
	};

	return cmocka_run_group_tests_name("server_stop", tests, NULL, NULL);
}
