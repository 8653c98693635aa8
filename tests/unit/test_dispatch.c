/* src/service/dispatch.c: the requests, their replies, their errors. */
#include "dispatch_requests.h"

static void test_get_ek(void **state)
{
	(void)state;
	succeeds(GET_EK, NULL,
		 "{\"status\":\"ok\",\"ek_public\":\"c3BraQ==\",\"ek_cert\":\"Y2VydGlm\","
		 "\"ek_tpm\":\"ZWt0cG0=\",\"ek_cert_source\":\"nv\"}\n");
	assert_int_equal(dispatch_facts(type, &params), FACT_CERT);
	assert_null(type->op);
	assert_string_equal(type->name, "getEK");
	identity.ek_cert_len = 0;
	identity.ek_cert_source = NULL;
	succeeds(GET_EK, NULL,
		 "{\"status\":\"ok\",\"ek_public\":\"c3BraQ==\",\"ek_cert\":null,"
		 "\"ek_tpm\":\"ZWt0cG0=\",\"ek_cert_source\":null,"
		 "\"ek_cert_url\":\"https://example.org/ek\"}\n");
	identity.ek_cert_url[0] = '\0';
	succeeds(GET_EK, NULL,
		 "{\"status\":\"ok\",\"ek_public\":\"c3BraQ==\",\"ek_cert\":null,"
		 "\"ek_tpm\":\"ZWt0cG0=\",\"ek_cert_source\":null}\n");
	identity.ek_cert_source = "nv";
	identity.ek_cert_len = 6;
}

static void test_get_attestation_data(void **state)
{
	(void)state;
	succeeds(GET_DATA, NULL,
		 "{\"status\":\"ok\",\"ek_pub\":\"c3BraQ==\",\"ek_cert\":\"Y2VydGlm\","
		 "\"aik_name\":\"bmFtZW9mYWlr\",\"ek_tpm\":\"ZWt0cG0=\",\"aik_tpm\":"
		 "\"YWlrdHBtIQ==\"" CREATED "}\n");
	assert_int_equal(dispatch_facts(type, &params), FACT_CERT | FACT_AIK_ECC);
	assert_null(type->op);
	identity.ek_cert_len = 0;
	succeeds(GET_DATA, NULL,
		 "{\"status\":\"ok\",\"ek_pub\":\"c3BraQ==\",\"ek_cert\":null,"
		 "\"aik_name\":\"bmFtZW9mYWlr\",\"ek_tpm\":\"ZWt0cG0=\",\"aik_tpm\":"
		 "\"YWlrdHBtIQ==\"" CREATED "}\n");
	identity.ek_cert_len = 6;
}

static void test_activate_credential(void **state)
{
	static const struct tpm_result result = {.secret = "the secret", .secret_len = 10};
	uint8_t want[2 + 32 + 18] = {0, 32};
	uint8_t secret[256];

	(void)state;
	succeeds(activation(), &result,
		 "{\"status\":\"ok\",\"decrypted_secret\":\"dGhlIHNlY3JldA==\"}\n");
	assert_int_equal(dispatch_facts(type, &params), FACT_AIK_ECC);
	assert_ptr_equal(type->op, &activate_operation);
	memset(want + 2, 1, 32);
	memset(want + 2 + 32, 2, 18);
	memset(secret, 3, sizeof secret);
	assert_int_equal(params.as.credential.id_object_len, sizeof want);
	assert_memory_equal(params.as.credential.id_object, want, sizeof want);
	assert_int_equal(params.as.credential.secret_len, sizeof secret);
	assert_memory_equal(params.as.credential.secret, secret, sizeof secret);
}

static void test_unknown_command(void **state)
{
	static const char *const requests[] = {
		"{}",
		"{\"command\":null}",
		"{\"command\":\"\"}",
		"{\"command\":\"getek\"}",
		"{\"command\":\"getEK \"}",
		"{\"command\":\"getE\"}",
		"{\"command\":\"getEKgetEKgetEKgetEKgetEKgetEKgetEK\"}",
		"{\"Command\":\"getEK\"}",
		"{\"command\":\"activateCredentials\",\"hmac\":\"AA==\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
		refused(requests[i], ERROR("Unknown command", "\"unknown_command\""));
		assert_null(type);
	}
}

static void test_missing_fields(void **state)
{
	static const struct {
		const char *request, *field;
	} cases[] = {
		{"{\"command\":\"activateCredential\"}", "credential_blob"},
		{"{\"command\":\"activateCredential\",\"hmac\":\"AA==\"}", "enc"},
		{"{\"command\":\"activateCredential\",\"enc\":\"AA==\"}", "hmac"},
		{"{\"command\":\"activateCredential\",\"encrypted_secret\":\"AA==\"}",
		 "credential_blob"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char want[256];

		snprintf(want, sizeof want,
			 ERROR("Missing required fields", "\"missing_fields\",\"field\":\"%s\""),
			 cases[i].field);
		refused(cases[i].request, want);
		assert_string_equal(type->name, "activateCredential");
	}
}

/* If the request's type is known, its prefix is put before the message. */
static void test_bad_requests(void **state)
{
	(void)state;
	refused("", ERROR("The request is not a JSON object", "\"bad_json\""));
	refused("getEK", ERROR("The request is not a JSON object", "\"bad_json\""));
	refused(GET_EK "x", ERROR("There is text after the JSON object", "\"trailing_text\""));
	refused("{\"command\":7}",
		ERROR("The value is not a string", "\"wrong_type\",\"field\":\"command\""));
	/* Members that belong to another type of request are ignored, whatever they are. */
	assert_int_equal(parse("{\"command\":\"getEK\",\"hmac\":true,\"enc\":\"*\"}"), 0);
	refused("{\"command\":\"nope\",\"hmac\":true}",
		ERROR("Unknown command", "\"unknown_command\""));
	refused("{\"command\":\"activateCredential\",\"hmac\":true}",
		ERROR(PREFIX "The value is not a string", "\"wrong_type\",\"field\":\"hmac\""));
	refused("{\"command\":\"activateCredential\",\"hmac\":\"AA==\",\"enc\":\"*\"}",
		ERROR(PREFIX "The value is not base64", "\"bad_base64\",\"field\":\"enc\""));
	refused("{\"command\":\"activateCredential\",\"hmac\":\"AA==\",\"enc\":\"AAAA\"}",
		ERROR(PREFIX "hmac is not as long as the EK's name algorithm needs",
		      "\"bad_hmac_size\",\"field\":\"hmac\""));
	refused("{\"command\":\"activateCredential\",\"credential_blob\":\"AAAA\"}",
		ERROR(PREFIX "credential_blob is not a TPM2B_ID_OBJECT",
		      "\"bad_credential_blob\",\"field\":\"credential_blob\""));
	parse("");
	assert_null(type);
}

static void test_failures(void **state)
{
	(void)state;
	fails(GET_EK, -ERR_TPM_LOCKOUT, 0,
	      ERROR("the TPM is in dictionary-attack lockout", "\"tpm_lockout\""));
	fails(GET_DATA, -ERR_TPM_HIERARCHY, 0x185,
	      ERROR("the endorsement hierarchy is disabled",
		    "\"hierarchy_disabled\",\"tpm_rc\":\"0x185\""));
	fails(activation(), -ERR_REJECTED, 0x1df,
	      ERROR(PREFIX "the TPM refused the credential: it was made for another EK or AIK, or "
			   "is damaged",
		    "\"credential_rejected\",\"tpm_rc\":\"0x1df\""));
	fails(activation(), -ERR_STOPPING, 0, ERROR(PREFIX "attestd is stopping", "\"stopping\""));
	fails(activation(), -ERR_TPM_RC, 0x000b0143,
	      ERROR(PREFIX "the TPM answered with an error",
		    "\"tpm_error\",\"tpm_rc\":\"0xb0143\""));
}

static void test_chain(void **state)
{
	(void)state;
	succeeds("{\"command\":\"getEKChain\"}", NULL, "{\"status\":\"ok\",\"ek_chain\":[]}\n");
	assert_int_equal(dispatch_facts(type, &params), FACT_CHAIN);
	memcpy(identity.ek_chain.raw, "..one.two", 9);
	identity.ek_chain.certs[0].at = 2;
	identity.ek_chain.certs[0].len = 3;
	identity.ek_chain.certs[1].at = 6;
	identity.ek_chain.certs[1].len = 3;
	identity.ek_chain.count = 2;
	succeeds("{\"command\":\"getEKChain\"}", NULL,
		 "{\"status\":\"ok\",\"ek_chain\":[\"b25l\",\"dHdv\"]}\n");
}

/* ---- */

/* After a request that is refused, no credential is left in memory. */
static void test_nothing_is_left(void **state)
{
	static const struct credential zero;
	const char *good = activation();
	size_t n = strlen(good);

	(void)state;
	for (size_t cut = 0; cut < n; cut++) {
		int r = parse_bytes(good, cut);

		assert_int_not_equal(r, 0);
		if (r == -ERR_FIELDS || r == -ERR_HMAC_SIZE) {
			assert_memory_equal(&params.as.credential, &zero, sizeof zero);
		}
	}
	assert_int_equal(parse_bytes(good, n), 0);
	refused("{\"command\":\"activateCredential\",\"hmac\":\"AA==\",\"enc\":\"AAAA\"}",
		ERROR(PREFIX "hmac is not as long as the EK's name algorithm needs",
		      "\"bad_hmac_size\",\"field\":\"hmac\""));
	assert_memory_equal(&params.as.credential, &zero, sizeof zero);
}

/* A line may have any number of bytes, not only as many as a connection can receive. */
static void test_long_lines(void **state)
{
	char *request = malloc(4 * REQUEST_MAX);

	(void)state;
	memset(request, ' ', 4 * REQUEST_MAX);
	memcpy(request, GET_EK, strlen(GET_EK));
	assert_int_equal(parse_bytes(request, REQUEST_MAX), 0);
	assert_int_equal(parse_bytes(request, REQUEST_MAX + 1), -ERR_TOO_LONG);
	assert_null(type);
	assert_int_equal(parse_bytes(request, 4 * REQUEST_MAX), -ERR_TOO_LONG);
	free(request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get_ek),
		cmocka_unit_test(test_get_attestation_data),
		cmocka_unit_test(test_activate_credential),
		cmocka_unit_test(test_unknown_command),
		cmocka_unit_test(test_missing_fields),
		cmocka_unit_test(test_bad_requests),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_nothing_is_left),
		cmocka_unit_test(test_long_lines),
	};

	return cmocka_run_group_tests_name("dispatch", tests, NULL, NULL);
}
