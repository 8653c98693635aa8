/* src/service/server.c: who may have an AIK sign, and which replies announce an activation. */
#include "fake_server.h"
#include "server_lines.h"

#define ECC_AND_CERT (FACT_CERT | FACT_AIK_ECC)

/* ---- quote and certify ---------------------------------------------------- */

#define QUOTE "{\"command\":\"quote\",\"nonce\":\"QQ==\",\"pcrs\":\"7\"}\n" /* the nonce is A */
#define QUOTE_REPLY                                                  \
	"{\"status\":\"ok\",\"quoted\":\"QQ==\",\"signature\":\"\"," \
	"\"pcr_bank\":\"sha256\",\"pcr_values\":{\"7\":\"\"}}\n"
#define CERTIFY "{\"command\":\"certify\",\"nonce\":\"Qg==\",\"aik\":\"rsa\"}\n" /* and B */
#define CERTIFY_REPLY "{\"status\":\"ok\",\"certify_info\":\"Qg==\",\"signature\":\"\"}\n"

/* Their replies are never known in advance. */
static void test_signing(void **state)
{
	const struct act script[] = {
		KNOWN(ECC_AND_CERT | FACT_AIK_RSA),
		OPEN(0),
		SAY(0, QUOTE),
		JOB('A'),
		OPEN(1),
		SAY(1, CERTIFY),
		OPENED(1),
		TPM_DONE,
		REPLY(0, QUOTE_REPLY),
		LOGGED("quote ok tpm_commands=5 peer=0"),
		JOB('B'),
		TPM_DONE,
		REPLY(1, CERTIFY_REPLY),
		LOGGED("certify ok tpm_commands=5 peer=1"),
		SENT(0),
		AND(SENT(1)),
		STOP,
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

/* They are told nothing else about their request, whatever is wrong with it. Requests that do
 * not sign are answered as for everybody. */
static void test_who_may_not_quote(void **state)
{
	static const char *const refused[] = {
		QUOTE,
		CERTIFY,
		"{\"command\":\"quote\"}\n",
		"{\"command\":\"certify\",\"nonce\":\"?\"}\n",
		"{\"command\":\"quote\",\"nonce\":\"QQ==\",\"pcrs\":\"99\"}\n",
	};
	const struct act who_may_not[] = {
		KNOWN(FACT_CERT),
		OPEN(3),
		MAY_NOT_QUOTE(3),
		SAY(3, QUOTE),
		REPLY(3, DENIED_REPLY),
		LOGGED("quote access_denied tpm_commands=0 peer=3"),
		SENT(3),
		OPEN(3),
		MAY_NOT_QUOTE(3),
		SAY(3, GET_EK "\n"),
		REPLY(3, EK_REPLY),
		SENT(3),
		OPEN(3),
		MAY_NOT_QUOTE(3),
		SAY(3, GET_DATA "\n"),
		AIK_JOB,
		TPM_DONE,
		REPLY(3, DATA_REPLY),
		SENT(3),
		OPEN(3),
		MAY_NOT_QUOTE(3),
		SAY(3, activation('C')),
		JOB('C'),
		TPM_DONE,
		REPLY(3, C_REPLY),
		SENT(3),
		OPEN(3),
		MAY_NOT_QUOTE(3),
		SAY(3, "{\"command\":\"no\"}\n"),
		REPLY(3, UNKNOWN_REPLY),
		SENT(3),
		/* The next client on this connection may. */
		OPEN(3),
		SAY(3, QUOTE),
		JOB('A'),
		TPM_DONE,
		REPLY(3, QUOTE_REPLY),
		SENT(3),
		STOP,
		END_OF_SCRIPT,
	};

	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		const struct act script[] = {
			OPEN(3),
			MAY_NOT_QUOTE(3),
			/* Whatever else is wrong with the request, it is denied. */
			SAY(3, refused[i]),
			REPLY(3, DENIED_REPLY),
			NO_JOB,
			SENT(3),
			CLOSED(3, 0),
			STOP,
			END_OF_SCRIPT,
		};

		serve(PORT_SERVE, script, 0);
	}
	serve(PORT_SERVE, who_may_not, 0);
}

/* In `attestd once` this is a failure, like every error. */
static void test_once_who_may_not_quote(void **state)
{
	const struct act script[] = {
		OPEN(0),
		MAY_NOT_QUOTE(0),
		SAY_EOF(0, QUOTE),
		/* It is denied, and no job begins. */
		REPLY(0, DENIED_REPLY),
		SENT(0),
		STATE(PORT_STOPPED),
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_ONCE, script, 1);
}

/* ---- requests before an activation --------------------------------------------- */

/* Only the replies that usually come before an activation announce it; errors do not. */
static void test_before_activation(void **state)
{
	const struct act script[] = {
		KNOWN(ECC_AND_CERT),
		OPEN(0),
		SAY(0, GET_EK "\n"),
		SENT(0),
		OPEN(0),
		SAY(0, "{\"command\":\"getHealth\"}\n"),
		SENT(0),
		OPEN(0),
		SAY(0, CERTIFY),
		TPM_DONE,
		SENT(0),
		OPEN(0),
		SAY(0, activation('A')),
		TPM_DONE,
		SENT(0),
		OPEN(0),
		SAY(0, QUOTE),
		ANNOUNCED(0),
		TPM_FAILED(-ERR_TPM_RC, 0x1c4),
		SENT(0),
		OPEN(0),
		MAY_NOT_QUOTE(0),
		SAY(0, QUOTE),
		REPLY(0, DENIED_REPLY),
		SENT(0),
		OPEN(0),
		SAY(0, "{\"command\":\"quote\"}\n"),
		SENT(0),
		ANNOUNCED(0),
		/* Replies from memory, and from the TPM. */
		OPEN(0),
		SAY(0, GET_DATA "\n"),
		ANNOUNCED(1),
		SENT(0),
		OPEN(0),
		SAY(0, QUOTE),
		ANNOUNCED(1),
		TPM_DONE,
		ANNOUNCED(2),
		SENT(0),
		OPEN(0),
		SAY(0, "{\"command\":\"getAttestationData\",\"aik\":\"rsa\"}\n"),
		ANNOUNCED(2),
		TPM_DONE,
		ANNOUNCED(3),
		SENT(0),
		/* A client that is gone gets no reply: nothing is announced. */
		OPEN(0),
		SAY(0, QUOTE),
		GONE(0),
		TPM_DONE,
		ANNOUNCED(3),
		STOP,
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signing),
		cmocka_unit_test(test_who_may_not_quote),
		cmocka_unit_test(test_once_who_may_not_quote),
		cmocka_unit_test(test_before_activation),
	};

	return cmocka_run_group_tests_name("server: commands", tests, NULL, NULL);
}
