/* src/service/server.c: `attestd once`. */
#include "fake_server.h"
#include "server_lines.h"

static void test_once(void **state)
{
	const struct act script[] = {
		KNOWN(FACT_CERT),
		OPEN(0),
		OPENED(0),
		SAY(0, GET_EK "\n"),
		REPLY(0, EK_REPLY),
		SENT(0),
		OPENED(0),
		/* Several lines that come at once are answered one by one. */
		SAY(0, activation('A')),
		JOB('A'),
		TPM_DONE,
		REPLY(0, A_REPLY),
		SENT(0),
		OPENED(0),
		SAY(0, GET_EK "\r\n" GET_DATA "\n" GET_EK "\n{\"comm"),
		REPLY(0, EK_REPLY),
		SENT(0),
		AIK_JOB,
		OPENED(0),
		TPM_DONE,
		REPLY(0, DATA_REPLY),
		SENT(0),
		REPLY(0, EK_REPLY),
		SENT(0),
		OPENED(0),
		SAY(0, "and\":\"getEK\"}\n"),
		REPLY(0, EK_REPLY),
		SENT(0),
		/* There are no deadlines. */
		WAITS_UNTIL(60000),
		AT(100000),
		OPENED(0),
		WAITS_UNTIL((int64_t)PORT_NEVER),
		SAY(0, GET_EK "\n"),
		AT(200000),
		REPLY(0, EK_REPLY),
		SENT(0),
		SAY_EOF(0, ""),
		STATE(PORT_STOPPED),
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_ONCE, script, 0);
}

static void test_once_without_a_line_end(void **state)
{
	const struct act script[] = {
		KNOWN(FACT_CERT),
		OPEN(0),
		SAY_EOF(0, GET_EK "\n" GET_EK),
		REPLY(0, EK_REPLY),
		SENT(0),
		REPLY(0, EK_REPLY),
		SENT(0),
		STATE(PORT_STOPPED),
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_ONCE, script, 0);
}

static void test_once_without_a_line(void **state)
{
	const struct act script[] = {
		OPEN(0),
		SAY_EOF(0, ""),
		STATE(PORT_STOPPED),
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_ONCE, script, 0);
}

/* If the input cannot be read, or a reply cannot be written, it exits with 1. */
static void test_once_is_broken(void **state)
{
	const struct act input_fails[] = {
		OPEN(0),
		GONE(0),
		STATE(PORT_STOPPED),
		END_OF_SCRIPT,
	};
	const struct act output_fails[] = {
		KNOWN(FACT_CERT),
		OPEN(0),
		SAY_EOF(0, GET_EK "\n" GET_EK),
		REPLY(0, EK_REPLY),
		/* Nobody reads the replies any more: the second line is not answered. */
		GONE(0),
		STATE(PORT_STOPPED),
		END_OF_SCRIPT,
	};
	const struct act nobody_reads_and_it_has_to_stop[] = {
		KNOWN(FACT_CERT),
		OPEN(0),
		SAY(0, GET_EK "\n"),
		REPLY(0, EK_REPLY),
		/* The reply is not read before the time is over. */
		STOP,
		AT(STOP_MS),
		STATE(PORT_STOPPED),
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_ONCE, input_fails, 1);
	serve(PORT_ONCE, output_fails, 1);
	serve(PORT_ONCE, nobody_reads_and_it_has_to_stop, 1);
}

/* PORT_EVENT_OPEN is the first event, but port_wait may return before it, with none. */
static void test_once_is_patient(void **state)
{
	const struct act script[] = {
		KNOWN(FACT_CERT),
		TPM_WAKES(20),
		AT(10),
		TPM_WAKES(20000),
		AT(15000),
		OPENED(0),
		/* The TPM's side has woken the server before the input is there. */
		OPEN(0),
		SAY(0, GET_EK "\n"),
		REPLY(0, EK_REPLY),
		SENT(0),
		SAY_EOF(0, ""),
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_ONCE, script, 0);
}

/* One error, before or after a success, makes the exit code 1. */
static void test_once_with_errors(void **state)
{
	const struct act error_before_a_success[] = {
		KNOWN(FACT_CERT),
		OPEN(0),
		SAY_EOF(0, "{}\n" GET_EK "\n"),
		REPLY(0, UNKNOWN_REPLY),
		SENT(0),
		REPLY(0, EK_REPLY),
		SENT(0),
		END_OF_SCRIPT,
	};
	const struct act error_behind_a_success[] = {
		OPEN(0),
		SAY_EOF(0, GET_EK "\n" GET_EK "\n"),
		EK_JOB,
		TPM_DONE,
		REPLY(0, EK_REPLY),
		SENT(0),
		EK_JOB,
		TPM_FAILED(-ERR_TPM_TIMEOUT, 0),
		REPLY(0, ERROR_REPLY("the TPM did not answer in time", "tpm_timeout")),
		SENT(0),
		END_OF_SCRIPT,
	};
	const struct act line_too_long_to_hold[] = {
		/* The rest of a line that is too long is skipped. */
		KNOWN(FACT_CERT),
		OPEN(0),
		PAD(0, RX_MAX, ""),
		REPLY(0, TOO_LONG_REPLY),
		SENT(0),
		SAY(0, "more of it\n" GET_EK "\n"),
		REPLY(0, EK_REPLY),
		SENT(0),
		SAY_EOF(0, ""),
		END_OF_SCRIPT,
	};
	const struct act line_a_little_too_long[] = {
		/* All of this line has come: nothing is skipped. */
		KNOWN(FACT_CERT),
		OPEN(0),
		PAD(0, REQUEST_MAX + 1, "\n"),
		REPLY(0, TOO_LONG_REPLY),
		SENT(0),
		SAY(0, GET_EK "\n"),
		REPLY(0, EK_REPLY),
		SENT(0),
		SAY_EOF(0, ""),
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_ONCE, error_before_a_success, 1);
	serve(PORT_ONCE, error_behind_a_success, 1);
	serve(PORT_ONCE, line_too_long_to_hold, 1);
	serve(PORT_ONCE, line_a_little_too_long, 1);
}

/* The current line is answered; those behind it are refused. */
static void test_once_and_stop(void **state)
{
	const struct act one_line[] = {
		OPEN(0),
		SAY(0, activation('A')),
		/* The line's job is at work, and ends. */
		STOP,
		JOB('A'),
		TPM_DONE,
		REPLY(0, A_REPLY),
		SENT(0),
		STATE(PORT_STOPPED),
		END_OF_SCRIPT,
	};
	const struct act no_line[] = {
		OPEN(0),
		STOP,
		STATE(PORT_STOPPED),
		END_OF_SCRIPT,
	};
	const struct act two_lines[] = {
		OPEN(0),
		SAY(0, GET_EK "\n" GET_DATA "\n"),
		STOP,
		EK_JOB,
		TPM_DONE,
		REPLY(0, EK_REPLY),
		SENT(0),
		NO_JOB,
		REPLY(0, STOPPING_REPLY("")),
		SENT(0),
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_ONCE, one_line, 0);
	serve(PORT_ONCE, no_line, 0);
	serve(PORT_ONCE, two_lines, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_once_without_a_line_end),
		cmocka_unit_test(test_once_without_a_line),
		cmocka_unit_test(test_once_is_broken),
		cmocka_unit_test(test_once_is_patient),
		cmocka_unit_test(test_once_with_errors),
		cmocka_unit_test(test_once_and_stop),
	};

	return cmocka_run_group_tests_name("server: once", tests, NULL, NULL);
}
