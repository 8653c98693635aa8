/* src/service/server.c: getHealth says how attestd does. */
#include "fake_server.h"
#include "server_lines.h"

#define ECC_AND_CERT (FACT_CERT | FACT_AIK_ECC)

#define HEALTH "{\"command\":\"getHealth\"}\n"
#define HEALTH_REST(ek, aik, uptime, requests)                                                 \
	",\"version\":\"" ATTESTD_VERSION "\",\"device\":\"/dev/fake\",\"manufacturer\":null," \
	"\"firmware\":null,\"ek\":" ek ",\"ek_cert_source\":null,\"aik\":" aik                 \
	",\"uptime_s\":" uptime ",\"requests\":" requests ",\"tpm_commands\":42}\n"
#define HEALTHY(aik, uptime, requests) \
	"{\"status\":\"ok\"" HEALTH_REST("\"created\"", "\"" aik "\"", uptime, requests)
#define UNHEALTHY(message, error, uptime, requests)                            \
	"{\"status\":\"error\",\"message\":\"" message "\",\"error\":\"" error \
	"\"" HEALTH_REST("null", "null", uptime, requests)

/* Every line counts as a request: that of getHealth itself, and those that are not valid.
 * Clients that are turned away do not count. The uptime is in whole seconds. */
static void test_health(void **state)
{
	const struct act script[] = {
		KNOWN(ECC_AND_CERT | FACT_EK),
		AT(999),
		OPEN(0),
		SAY(0, HEALTH),
		REPLY(0, HEALTHY("ecc", "0", "1")),
		LOGGED("getHealth ok tpm_commands=0 peer=0"),
		NO_JOB,
		SENT(0),
		CLOSED(0, 0),
		AT(1000),
		OPEN(1),
		SAY(1, "what\n"),
		SENT(1),
		OPEN_REFUSED(1, -ERR_ACCESS),
		OPEN(1),
		SAY_EOF(1, ""),
		CLOSED(1, 0),
		OPEN(0),
		SAY(0, HEALTH),
		REPLY(0, HEALTHY("ecc", "1", "3")),
		SENT(0),
		KNOWN(FACT_AIK_RSA),
		AT(86400999),
		OPEN(0),
		SAY(0, GET_EK "\n"),
		SENT(0),
		OPEN(0),
		MAY_NOT_QUOTE(0),
		SAY(0, HEALTH),
		REPLY(0, HEALTHY("ecc,rsa", "86400", "5")),
		SENT(0),
		STOP,
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, script, 0);
}

#define UNAVAILABLE                                                                   \
	UNHEALTHY("no TPM answers: is there one, and is it enabled in the firmware?", \
		  "tpm_unavailable\",\"tpm_rc\":\"0x185", "0", "1")

/* The TPM may work for a client or for attestd, be idle, or not be there yet. */
static void test_health_is_answered_at_once(void **state)
{
	const struct act while_others_wait[] = {
		/* The jobs of others go on, and clients that wait still wait. */
		OPEN(0),
		SAY(0, activation('A')),
		OPEN(1),
		SAY(1, activation('B')),
		JOB('A'),
		OPEN(2),
		SAY(2, HEALTH),
		LOGGED("getHealth ok tpm_commands=0 peer=2"),
		SENT(2),
		CLOSED(2, 0),
		JOB('A'),
		OPENED(0),
		OPENED(1),
		TPM_DONE,
		REPLY(0, A_REPLY),
		JOB('B'),
		SENT(0),
		OPEN(2),
		SAY(2, HEALTH),
		AND(TPM_DONE),
		REPLY(1, B_REPLY),
		LOGGED("activateCredential ok tpm_commands=5 peer=1"),
		SENT(1),
		AND(SENT(2)),
		STOP,
		END_OF_SCRIPT,
	};
	const struct act while_the_tpm_is_looked_at[] = {
		OWN_JOB(true),
		OPEN(0),
		SAY(0, HEALTH),
		NO_JOB,
		LOGGED("getHealth ok tpm_commands=0 peer=0"),
		SENT(0),
		OWN_JOB(false),
		STOP,
		END_OF_SCRIPT,
	};
	const struct act without_a_tpm[] = {
		/* With this error serve exits with 0, and once with 1. */
		WAIT_ERROR(-ERR_TPM_UNAVAILABLE),
		TROUBLE(-ERR_TPM_UNAVAILABLE),
		OPEN(0),
		SAY(0, HEALTH),
		REPLY(0, UNAVAILABLE),
		LOGGED("getHealth tpm_unavailable tpm_rc=0x185 tpm_commands=0 peer=0"),
		SENT(0),
		STOP,
		END_OF_SCRIPT,
	};
	const struct act once_without_a_tpm[] = {
		WAIT_ERROR(-ERR_TPM_UNAVAILABLE),
		TROUBLE(-ERR_TPM_UNAVAILABLE),
		OPEN(0),
		SAY_EOF(0, HEALTH),
		REPLY(0, UNAVAILABLE),
		SENT(0),
		STATE(PORT_STOPPED),
		END_OF_SCRIPT,
	};
	const struct act once_with_a_tpm[] = {
		KNOWN(ECC_AND_CERT | FACT_EK),
		OPEN(0),
		SAY_EOF(0, HEALTH),
		REPLY(0, HEALTHY("ecc", "0", "1")),
		SENT(0),
		STATE(PORT_STOPPED),
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, while_others_wait, 0);
	serve(PORT_SERVE, while_the_tpm_is_looked_at, 0);
	serve(PORT_SERVE, without_a_tpm, 0);
	serve(PORT_ONCE, once_without_a_tpm, 1);
	serve(PORT_ONCE, once_with_a_tpm, 0);
}

/* While attestd stops, getAttestationData is only answered from memory. getHealth reports the
 * same, whatever else is wrong. */
static void test_health_while_stopping(void **state)
{
	const struct act in_lockout[] = {
		TROUBLE(-ERR_TPM_LOCKOUT),
		OPEN(0),
		SAY(0, activation('A')),
		OPEN(1),
		STOP,
		AND(SAY(1, HEALTH)),
		STATE(PORT_STOPPING),
		JOB('A'),
		REPLY(1, UNHEALTHY("attestd is stopping", "stopping", "0", "2")),
		SENT(1),
		TPM_DONE,
		REPLY(0, A_REPLY),
		SENT(0),
		STATE(PORT_STOPPED),
		END_OF_SCRIPT,
	};
	const struct act with_all_facts_known[] = {
		KNOWN(ECC_AND_CERT | FACT_EK),
		OPEN(0),
		SAY(0, activation('A')),
		OPEN(1),
		STOP,
		AND(SAY(1, HEALTH)),
		STATE(PORT_STOPPING),
		REPLY(1, HEALTHY("ecc", "0", "2")),
		SENT(1),
		TPM_DONE,
		SENT(0),
		STATE(PORT_STOPPED),
		END_OF_SCRIPT,
	};

	(void)state;
	serve(PORT_SERVE, in_lockout, 0);
	serve(PORT_SERVE, with_all_facts_known, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_health),
		cmocka_unit_test(test_health_is_answered_at_once),
		cmocka_unit_test(test_health_while_stopping),
	};

	return cmocka_run_group_tests_name("server: health", tests, NULL, NULL);
}
