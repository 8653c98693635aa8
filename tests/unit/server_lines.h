/* Requests and replies for the tests of src/service/server.c. */
#ifndef TESTS_SERVER_LINES_H
#define TESTS_SERVER_LINES_H

#include "base/text.h"
#include "wire/base64.h"

#define GET_EK "{\"command\":\"getEK\"}"
#define EK_REPLY                                                          \
	"{\"status\":\"ok\",\"ek_public\":\"c3BraQ==\",\"ek_cert\":null," \
	"\"ek_tpm\":\"ZWt0cG0=\",\"ek_cert_source\":null}"                \
	"\n"
#define GET_DATA "{\"command\":\"getAttestationData\"}"
#define DATA_REPLY                                                                       \
	"{\"status\":\"ok\",\"ek_pub\":\"c3BraQ==\",\"ek_cert\":null,\"aik_name\":\"\"," \
	"\"ek_tpm\":\"ZWt0cG0=\",\"aik_tpm\":\"\",\"aik_creation\":\"\","                \
	"\"aik_attest\":null,\"aik_signature\":null}\n"
#define ERROR_REPLY(message, rest) \
	"{\"status\":\"error\",\"message\":\"" message "\",\"error\":\"" rest "\"}\n"
#define UNKNOWN_REPLY ERROR_REPLY("Unknown command", "unknown_command")
#define TOO_LONG_REPLY ERROR_REPLY("The request is longer than 16384 bytes", "request_too_long")
#define DENIED_REPLY ERROR_REPLY("this client is not allowed", "access_denied")
#define CLIENTS_REPLY ERROR_REPLY("this client has too many connections", "too_many_connections")
#define PREFIX "ActivateCredential failed: "
#define STOPPING_REPLY(prefix) ERROR_REPLY(prefix "attestd is stopping", "stopping")
#define UNAVAILABLE_REPLY(prefix)                                                              \
	ERROR_REPLY(prefix "no TPM answers: is there one, and is it enabled in the firmware?", \
		    "tpm_unavailable")
#define SECRET_REPLY(base64) "{\"status\":\"ok\",\"decrypted_secret\":\"" base64 "\"}\n"

/* The jobs of getEK and getAttestationData. An activation's job is JOB(its letter). */
#define EK_JOB JOB('e' + FACT_CERT)
#define AIK_JOB JOB('e' + (FACT_CERT | FACT_AIK_ECC))

/*
 * A line that asks for an activation. Its bytes are all this letter (A to D), and so is the
 * secret that the fake TPM finds in it.
 */
static inline const char *activation(char letter)
{
	static char lines[4][1024];
	char *line = lines[letter - 'A'];
	struct text t = text_in(line, sizeof lines[0] - 1);
	uint8_t bytes[256];

	memset(bytes, letter, sizeof bytes);
	text_str(&t, "{\"command\":\"activateCredential\",\"hmac\":\"");
	base64_put(&t, bytes, 32);
	text_str(&t, "\",\"enc\":\"");
	base64_put(&t, bytes, 18);
	text_str(&t, "\",\"encrypted_secret\":\"");
	base64_put(&t, bytes, 256);
	text_str(&t, "\"}\n");
	line[t.len] = '\0';
	return line;
}
#define A_REPLY SECRET_REPLY("QQ==")
#define B_REPLY SECRET_REPLY("Qg==")
#define C_REPLY SECRET_REPLY("Qw==")
#define D_REPLY SECRET_REPLY("RA==")

#endif
