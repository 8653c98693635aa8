/* src/service/server.c: who may have an AIK sign, what leads on to an activation, and how
 * attestd does. */
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

/* Nothing of them is known before they are asked for. */
static void test_signing(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, KNOWN(ECC_AND_CERT | FACT_AIK_RSA), OPEN(0), SAY(0, QUOTE), JOB('A'),
	      OPEN(1), SAY(1, CERTIFY), OPENED(1), TPM_DONE, REPLY(0, QUOTE_REPLY),
	      LOGGED("quote ok tpm_commands=5 peer=0"), JOB('B'), TPM_DONE, REPLY(1, CERTIFY_REPLY),
	      LOGGED("certify ok tpm_commands=5 peer=1"), SENT(0), AND, SENT(1), STOP);
}

/* Whatever else is wrong with what they ask: nothing is done for them, and nothing is
 * told. What does not sign is theirs as it is everybody's. */
static void test_who_may_not_quote(void **state)
{
	static const char *const refused[] = {
		QUOTE,
		CERTIFY,
		"{\"command\":\"quote\"}\n",
		"{\"command\":\"certify\",\"nonce\":\"?\"}\n",
		"{\"command\":\"quote\",\"nonce\":\"QQ==\",\"pcrs\":\"99\"}\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		SERVE(PORT_SERVE, 0, OPEN(3), MAY_NOT_QUOTE(3), SAY(3, refused[i]),
		      REPLY(3, DENIED_REPLY), NO_JOB, SENT(3), CLOSED(3, 0), STOP);
	}
	SERVE(PORT_SERVE, 0, KNOWN(FACT_CERT), OPEN(3), MAY_NOT_QUOTE(3), SAY(3, QUOTE),
	      REPLY(3, DENIED_REPLY), LOGGED("quote access_denied tpm_commands=0 peer=3"), SENT(3),
	      OPEN(3), MAY_NOT_QUOTE(3), SAY(3, GET_EK "\n"), REPLY(3, EK_REPLY), SENT(3), OPEN(3),
	      MAY_NOT_QUOTE(3), SAY(3, GET_DATA "\n"), AIK_JOB, TPM_DONE, REPLY(3, DATA_REPLY),
	      SENT(3), OPEN(3), MAY_NOT_QUOTE(3), SAY(3, activation('C')), JOB('C'), TPM_DONE,
	      REPLY(3, C_REPLY), SENT(3), OPEN(3), MAY_NOT_QUOTE(3),
	      SAY(3, "{\"command\":\"no\"}\n"), REPLY(3, UNKNOWN_REPLY), SENT(3),
	      /* Who comes into the slot next may. */
	      OPEN(3), SAY(3, QUOTE), JOB('A'), TPM_DONE, REPLY(3, QUOTE_REPLY), SENT(3), STOP);
}

/* In `attestd once` it is a failure, as every error is. */
static void test_once_who_may_not_quote(void **state)
{
	(void)state;
	SERVE(PORT_ONCE, 1, OPEN(0), MAY_NOT_QUOTE(0), SAY_EOF(0, QUOTE), REPLY(0, DENIED_REPLY),
	      SENT(0), STATE(PORT_STOPPED));
}

/* ---- what leads on to an activation ------------------------------------------ */

/* The replies that come before one, whoever gets them; no error, and nothing else. */
static void test_leads_on(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, KNOWN(ECC_AND_CERT), OPEN(0), SAY(0, GET_EK "\n"), SENT(0), OPEN(0),
	      SAY(0, "{\"command\":\"getHealth\"}\n"), SENT(0), OPEN(0), SAY(0, CERTIFY), TPM_DONE,
	      SENT(0), OPEN(0), SAY(0, activation('A')), TPM_DONE, SENT(0), OPEN(0), SAY(0, QUOTE),
	      LED_ON(0), TPM_FAILED(-ERR_TPM_RC, 0x1c4), SENT(0), OPEN(0), MAY_NOT_QUOTE(0),
	      SAY(0, QUOTE), REPLY(0, DENIED_REPLY), SENT(0), OPEN(0),
	      SAY(0, "{\"command\":\"quote\"}\n"), SENT(0), LED_ON(0),
	      /* From memory, and from the TPM. */
	      OPEN(0), SAY(0, GET_DATA "\n"), LED_ON(1), SENT(0), OPEN(0), SAY(0, QUOTE), LED_ON(1),
	      TPM_DONE, LED_ON(2), SENT(0), OPEN(0),
	      SAY(0, "{\"command\":\"getAttestationData\",\"aik\":\"rsa\"}\n"), LED_ON(2), TPM_DONE,
	      LED_ON(3), SENT(0),
	      /* Who is gone gets none. */
	      OPEN(0), SAY(0, QUOTE), GONE(0), TPM_DONE, LED_ON(3), STOP);
}

/* ---- getHealth ------------------------------------------------------------ */

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

/* Every line counts, its own and those that are none included; who is turned away has
 * said nothing. Whole seconds. */
static void test_health(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, KNOWN(ECC_AND_CERT | FACT_EK), AT(999), OPEN(0), SAY(0, HEALTH),
	      REPLY(0, HEALTHY("ecc", "0", "1")), LOGGED("getHealth ok tpm_commands=0 peer=0"),
	      NO_JOB, SENT(0), CLOSED(0, 0), AT(1000), OPEN(1), SAY(1, "what\n"), SENT(1),
	      OPEN_REFUSED(1, -ERR_ACCESS), OPEN(1), SAY_EOF(1, ""), CLOSED(1, 0), OPEN(0),
	      SAY(0, HEALTH), REPLY(0, HEALTHY("ecc", "1", "3")), SENT(0), KNOWN(FACT_AIK_RSA),
	      AT(86400999), OPEN(0), SAY(0, GET_EK "\n"), SENT(0), OPEN(0), MAY_NOT_QUOTE(0),
	      SAY(0, HEALTH), REPLY(0, HEALTHY("ecc,rsa", "86400", "5")), SENT(0), STOP);
}

#define UNAVAILABLE                                                                   \
	UNHEALTHY("no TPM answers: is there one, and is it enabled in the firmware?", \
		  "tpm_unavailable\",\"tpm_rc\":\"0x185", "0", "1")

/* Whatever the TPM does: for somebody, for attestd, nothing, or nothing yet. */
static void test_health_is_answered_at_once(void **state)
{
	(void)state;
	/* Others' jobs go on, and who waits still does. */
	SERVE(PORT_SERVE, 0, OPEN(0), SAY(0, activation('A')), OPEN(1), SAY(1, activation('B')),
	      JOB('A'), OPEN(2), SAY(2, HEALTH), LOGGED("getHealth ok tpm_commands=0 peer=2"),
	      SENT(2), CLOSED(2, 0), JOB('A'), OPENED(0), OPENED(1), TPM_DONE, REPLY(0, A_REPLY),
	      JOB('B'), SENT(0), OPEN(2), SAY(2, HEALTH), AND, TPM_DONE, REPLY(1, B_REPLY),
	      LOGGED("activateCredential ok tpm_commands=5 peer=1"), SENT(1), AND, SENT(2), STOP);
	SERVE(PORT_SERVE, 0, OWN_JOB(true), OPEN(0), SAY(0, HEALTH), NO_JOB,
	      LOGGED("getHealth ok tpm_commands=0 peer=0"), SENT(0), OWN_JOB(false), STOP);
	/* An error is no failure of a service; of `attestd once` it is. */
	SERVE(PORT_SERVE, 0, OUTLOOK(-ERR_TPM_UNAVAILABLE), TROUBLE(-ERR_TPM_UNAVAILABLE), OPEN(0),
	      SAY(0, HEALTH), REPLY(0, UNAVAILABLE),
	      LOGGED("getHealth tpm_unavailable tpm_rc=0x185 tpm_commands=0 peer=0"), SENT(0),
	      STOP);
	SERVE(PORT_ONCE, 1, OUTLOOK(-ERR_TPM_UNAVAILABLE), TROUBLE(-ERR_TPM_UNAVAILABLE), OPEN(0),
	      SAY_EOF(0, HEALTH), REPLY(0, UNAVAILABLE), SENT(0), STATE(PORT_STOPPED));
	SERVE(PORT_ONCE, 0, KNOWN(ECC_AND_CERT | FACT_EK), OPEN(0), SAY_EOF(0, HEALTH),
	      REPLY(0, HEALTHY("ecc", "0", "1")), SENT(0), STATE(PORT_STOPPED));
}

/* Who asks for an attestation now is told that it stops, unless it is known: so does
 * getHealth, whatever else is wrong. */
static void test_health_while_stopping(void **state)
{
	(void)state;
	SERVE(PORT_SERVE, 0, TROUBLE(-ERR_TPM_LOCKOUT), OPEN(0), SAY(0, activation('A')), OPEN(1),
	      STOP, AND, SAY(1, HEALTH), STATE(PORT_STOPPING), JOB('A'),
	      REPLY(1, UNHEALTHY("attestd is stopping", "stopping", "0", "2")), SENT(1), TPM_DONE,
	      REPLY(0, A_REPLY), SENT(0), STATE(PORT_STOPPED));
	SERVE(PORT_SERVE, 0, KNOWN(ECC_AND_CERT | FACT_EK), OPEN(0), SAY(0, activation('A')),
	      OPEN(1), STOP, AND, SAY(1, HEALTH), STATE(PORT_STOPPING),
	      REPLY(1, HEALTHY("ecc", "0", "2")), SENT(1), TPM_DONE, SENT(0), STATE(PORT_STOPPED));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signing),
		cmocka_unit_test(test_who_may_not_quote),
		cmocka_unit_test(test_once_who_may_not_quote),
		cmocka_unit_test(test_leads_on),
		cmocka_unit_test(test_health),
		cmocka_unit_test(test_health_is_answered_at_once),
		cmocka_unit_test(test_health_while_stopping),
	};

	return cmocka_run_group_tests_name("server: commands", tests, NULL, NULL);
}
