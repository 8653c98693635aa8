/* src/service/dispatch.c: requests that have an AIK sign, and which AIK it is. */
#include "dispatch_requests.h"

#define NONCE "\"nonce\":\"bm9uY2U=\""

static void test_choice_of_aik(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"command\":\"getAttestationData\",\"aik\":\"rsa\"}"), 0);
	assert_int_equal(params.aik, KEY_AIK_RSA);
	assert_int_equal(dispatch_facts(type, &params), FACT_CERT | FACT_AIK_RSA);
	assert_int_equal(parse("{\"command\":\"getAttestationData\",\"aik\":\"ecc\"}"), 0);
	assert_int_equal(params.aik, KEY_AIK_ECC);
	assert_int_equal(parse("{\"command\":\"getAttestationData\",\"aik\":null}"), 0);
	assert_int_equal(params.aik, KEY_AIK_ECC);
	assert_int_equal(parse("{\"command\":\"getEK\",\"aik\":7}"), 0);
	assert_int_equal(dispatch_facts(type, &params), FACT_CERT);
	refused("{\"command\":\"getAttestationData\",\"aik\":\"RSA\"}",
		ERROR("The value is not one of those allowed here",
		      "\"bad_value\",\"field\":\"aik\""));
	refused("{\"command\":\"certify\",\"aik\":\"\"," NONCE "}",
		ERROR("The value is not one of those allowed here",
		      "\"bad_value\",\"field\":\"aik\""));
	refused("{\"command\":\"activateCredential\",\"aik\":\"eccc\"}",
		ERROR(PREFIX "The value is not one of those allowed here",
		      "\"bad_value\",\"field\":\"aik\""));
}

static void test_quote(void **state)
{
	static struct tpm_result result = {
		.sign = {.attest = "att", .attest_len = 3, .signature = "sig", .signature_len = 3},
		.pcr_values = "onetwosix",
		.pcr_len = 3,
	};
	static const struct {
		const char *name;
		unsigned alg;
	} banks[] = {{"sha1", 4}, {"sha256", 0xb}, {"sha384", 0xc}, {"sha512", 0xd}};

	(void)state;
	succeeds("{\"command\":\"quote\"," NONCE ",\"pcrs\":\"16,0-1\"}", &result,
		 "{\"status\":\"ok\",\"quoted\":\"YXR0\",\"signature\":\"c2ln\",\"pcr_bank\":"
		 "\"sha256\",\"pcr_values\":{\"0\":\"b25l\",\"1\":\"dHdv\",\"16\":\"c2l4\"}}\n");
	assert_int_equal(params.aik, KEY_AIK_ECC);
	assert_int_equal(params.kind, PARAMS_NONCE);
	assert_int_equal(params.as.sign.nonce_len, 5);
	assert_memory_equal(params.as.sign.nonce, "nonce", 5);
	assert_int_equal(params.as.sign.pcrs, 0x10003);
	assert_int_equal(dispatch_facts(type, &params), FACT_AIK_ECC);
	assert_ptr_equal(type->op, &quote_operation);
	assert_true(type->signs);
	for (size_t i = 0; i < sizeof banks / sizeof *banks; i++) {
		char request[128], want[128];

		snprintf(request, sizeof request,
			 "{\"command\":\"quote\"," NONCE ",\"pcrs\":\"0\",\"pcr_bank\":\"%s\"}",
			 banks[i].name);
		snprintf(want, sizeof want,
			 "{\"status\":\"ok\",\"quoted\":\"YXR0\",\"signature\":\"c2ln\","
			 "\"pcr_bank\":\"%s\",\"pcr_values\":{\"0\":\"b25l\"}}\n",
			 banks[i].name);
		succeeds(request, &result, want);
		assert_int_equal(params.as.sign.bank, banks[i].alg);
	}
}

static void test_certify(void **state)
{
	static const struct tpm_result result = {
		.sign = {.attest = "att", .attest_len = 3, .signature = "sig", .signature_len = 3}};

	(void)state;
	succeeds("{\"command\":\"certify\",\"aik\":\"rsa\"," NONCE "}", &result,
		 "{\"status\":\"ok\",\"certify_info\":\"YXR0\",\"signature\":\"c2ln\"}\n");
	assert_int_equal(params.aik, KEY_AIK_RSA);
	assert_ptr_equal(type->op, &certify_operation);
	assert_true(type->signs);
}

static void test_bad_nonces_and_pcrs(void **state)
{
	char nonce[BASE64_LEN(NONCE_MAX + 1) + 1];
	char request[256];

	(void)state;
	refused("{\"command\":\"certify\"}",
		ERROR("Missing required fields", "\"missing_fields\",\"field\":\"nonce\""));
	refused("{\"command\":\"quote\"," NONCE "}",
		ERROR("Missing required fields", "\"missing_fields\",\"field\":\"pcrs\""));
	refused("{\"command\":\"quote\"," NONCE ",\"pcrs\":\"24\"}",
		ERROR("The value is not one of those allowed here",
		      "\"bad_value\",\"field\":\"pcrs\""));
	refused("{\"command\":\"quote\"," NONCE ",\"pcrs\":\"0\",\"pcr_bank\":\"sm3_256\"}",
		ERROR("The value is not one of those allowed here",
		      "\"bad_value\",\"field\":\"pcr_bank\""));
	for (size_t n = 0; n <= NONCE_MAX + 1; n++) {
		struct text t = text_in(nonce, sizeof nonce - 1);
		int r;

		base64_put(&t, (const uint8_t *)request, n);
		nonce[t.len] = '\0';
		snprintf(request, sizeof request, "{\"command\":\"certify\",\"nonce\":\"%s\"}",
			 nonce);
		r = parse(request);
		assert_int_equal(r, n == 0 || n > NONCE_MAX ? -ERR_NONCE_SIZE : 0);
	}
	assert_string_equal(error.field, "nonce");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choice_of_aik),
		cmocka_unit_test(test_quote),
		cmocka_unit_test(test_certify),
		cmocka_unit_test(test_bad_nonces_and_pcrs),
	};

	return cmocka_run_group_tests_name("dispatch: sign", tests, NULL, NULL);
}
