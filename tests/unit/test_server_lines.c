/* src/service/server.c: a line, in pieces or whole, is one request. */
#include "fake_server.h"
#include "server_lines.h"

static void test_one_request(void **state)
{
	const struct act script[] = {
		KNOWN(FACT_CERT),
		OPEN(0),
		OPENED(0),
		STATE(PORT_READY),
		SAY(0, GET_EK "\n"),
		REPLY(0, EK_REPLY),
		NO_JOB,
		LOGGED("getEK ok tpm_commands=0 peer=0"),
		SENT(0),
		CLOSED(0, 0),
		STOP,
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

static void test_line_ends(void **state)
{
	const struct act script[] = {
		KNOWN(FACT_CERT),
		OPEN(0),
		SAY(0, GET_EK "\r\n"),
		REPLY(0, EK_REPLY),
		SENT(0),
		CLOSED(0, 0),
		/* The line comes in pieces. */
		OPEN(1),
		SAY(1, "{\"comm"),
		OPENED(1),
		SAY(1, "and\":\"getEK\"}"),
		OPENED(1),
		SAY(1, "\r"),
		OPENED(1),
		SAY(1, "\n"),
		REPLY(1, EK_REPLY),
		SENT(1),
		CLOSED(1, 0),
		/* Without a line end, the line ends with the input. */
		OPEN(2),
		SAY(2, GET_EK),
		OPENED(2),
		SAY_EOF(2, ""),
		REPLY(2, EK_REPLY),
		SENT(2),
		CLOSED(2, LINGER_MS),
		OPEN(3),
		SAY_EOF(3, GET_EK "\r"),
		REPLY(3, EK_REPLY),
		SENT(3),
		CLOSED(3, LINGER_MS),
		OPEN(3),
		SAY_EOF(3, GET_EK "\n"),
		REPLY(3, EK_REPLY),
		SENT(3),
		CLOSED(3, 0),
		STOP,
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

/* Only the first line is answered. The rest is read before closing, which could otherwise
 * destroy the reply. */
static void test_more_than_a_line(void **state)
{
	const struct act script[] = {
		KNOWN(FACT_CERT),
		OPEN(0),
		SAY(0, GET_EK "\n" GET_DATA "\n"),
		REPLY(0, EK_REPLY),
		SENT(0),
		CLOSED(0, LINGER_MS),
		NO_JOB,
		STOP,
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

static void test_no_request(void **state)
{
	const struct act script[] = {
		OPEN(0),
		SAY_EOF(0, ""),
		CLOSED(0, 0),
		OPEN(1),
		GONE(1),
		CLOSED(1, 0),
		OPEN(2),
		SAY(2, "{\"comm"),
		GONE(2),
		CLOSED(2, 0),
		OPEN(3),
		SAY(3, "\n"),
		REPLY(3, ERROR_REPLY("The request is not a JSON object", "bad_json")),
		LOGGED("- bad_json tpm_commands=0 peer=3"),
		SENT(3),
		CLOSED(3, 0),
		OPEN(4),
		SAY(4, "{\"command\":\"no\"}\n"),
		REPLY(4, UNKNOWN_REPLY),
		SENT(4),
		CLOSED(4, 0),
		/* A second event of a client in the batch that ended it is ignored. */
		OPEN(5),
		SAY_EOF(5, ""),
		AND(GONE(5)),
		CLOSED(5, 0),
		NO_JOB,
		STOP,
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

#define LONGEST (REQUEST_MAX - (int)sizeof GET_EK + 1)

static void test_long_lines(void **state)
{
	const struct act script[] = {
		KNOWN(FACT_CERT),
		/* The longest lines that are allowed. */
		OPEN(0),
		PAD(0, LONGEST, GET_EK "\n"),
		REPLY(0, EK_REPLY),
		SENT(0),
		CLOSED(0, 0),
		OPEN(0),
		PAD(0, LONGEST, GET_EK "\r\n"),
		REPLY(0, EK_REPLY),
		SENT(0),
		CLOSED(0, 0),
		OPEN(0),
		PAD(0, LONGEST, GET_EK),
		OPENED(0),
		SAY(0, "\r"),
		OPENED(0),
		SAY(0, "\n"),
		REPLY(0, EK_REPLY),
		SENT(0),
		CLOSED(0, 0),
		OPEN(0),
		PAD(0, LONGEST, GET_EK),
		SAY_EOF(0, ""),
		REPLY(0, EK_REPLY),
		SENT(0),
		CLOSED(0, LINGER_MS),
		/* Lines that are too long, by one byte or by more. */
		OPEN(1),
		PAD(1, LONGEST + 1, GET_EK "\n"),
		REPLY(1, TOO_LONG_REPLY),
		LOGGED("- request_too_long tpm_commands=0 peer=1"),
		SENT(1),
		CLOSED(1, 0),
		OPEN(1),
		PAD(1, LONGEST + 1, GET_EK),
		OPENED(1),
		SAY(1, "\n"),
		REPLY(1, TOO_LONG_REPLY),
		SENT(1),
		CLOSED(1, 0),
		OPEN(1),
		PAD(1, LONGEST + 1, GET_EK),
		SAY_EOF(1, ""),
		REPLY(1, TOO_LONG_REPLY),
		SENT(1),
		CLOSED(1, LINGER_MS),
		OPEN(2),
		PAD(2, RX_MAX, ""),
		REPLY(2, TOO_LONG_REPLY),
		SENT(2),
		CLOSED(2, LINGER_MS),
		OPEN(2),
		PAD(2, RX_MAX - 1, ""),
		OPENED(2),
		SAY(2, "x"),
		REPLY(2, TOO_LONG_REPLY),
		GONE(2),
		CLOSED(2, 0),
		STOP,
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_request),      cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_more_than_a_line), cmocka_unit_test(test_no_request),
		cmocka_unit_test(test_long_lines),
	};

	return cmocka_run_group_tests_name("server: lines", tests, NULL, NULL);
}
