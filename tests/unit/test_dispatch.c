/* src/service/dispatch.c: the commands, their replies, their errors. */
#include "unit.h"

#include "err.h"
#include "service/dispatch.h"
#include "wire/base64.h"

/* ---- what is known of the TPM ----------------------------------------- */

static struct identity identity = {
	.ek_spki = "spki",
	.ek_spki_len = 4,
	.keys =
		{
			[KEY_EK] = {.tpm = "ektpm", .tpm_len = 5},
			[KEY_AIK_ECC] = {.tpm = "aiktpm!",
					 .tpm_len = 7,
					 .name = "nameofaik",
					 .name_len = 9,
					 .creation = "crea",
					 .creation_len = 4,
					 .created = {.attest = "att",
						     .attest_len = 3,
						     .signature = "sig",
						     .signature_len = 3}},
			[KEY_AIK_RSA] = {.tpm = "rsa", .tpm_len = 3},
		},
	.ek_cert = "certif",
	.ek_cert_len = 6,
	.ek_cert_source = "nv",
	.ek_cert_url = "https://example.org/ek",
};

/* Known by its address. */
const struct operation {
	char unused;
} activate_operation, quote_operation, certify_operation;

const struct identity *tpm_identity(void)
{
	return &identity;
}

/* ---- */

static const struct request_type *type;
static struct request_params params;
static struct request_error error;
static char line[TX_MAX];

static int parse_bytes(const void *request, size_t n)
{
	uint8_t *p = exact(request, n);
	int r;

	type = (const struct request_type *)line;
	memset(&params, 0xa5, sizeof params);
	memset(&error, 0xa5, sizeof error);
	r = dispatch_parse(p, n, &type, &params, &error);
	assert_int_equal(error.err, r);
	free(p);
	return r;
}

static int parse(const char *request)
{
	return parse_bytes(request, strlen(request));
}

static void replies(const struct text *t, const char *want)
{
	assert_false(t->cut);
	line[t->len] = '\0';
	assert_string_equal(line, want);
}

/* The request is refused with this whole line. */
static void refused(const char *request, const char *want)
{
	struct text t = text_in(line, sizeof line - 1);

	assert_int_not_equal(parse(request), 0);
	dispatch_error_reply(type, error, 0, &t);
	replies(&t, want);
}

/* Once understood, it fails with this error: these are the lines. */
static void fails(const char *request, int err, uint32_t rc, const char *want)
{
	struct text t = text_in(line, sizeof line - 1);

	assert_int_equal(parse(request), 0);
	dispatch_error_reply(type, (struct request_error){err, NULL}, rc, &t);
	replies(&t, want);
}

static void succeeds(const char *request, const struct tpm_result *result, const char *want)
{
	struct text t = text_in(line, sizeof line - 1);

	assert_int_equal(parse(request), 0);
	dispatch_reply(type, &params, result, &t);
	replies(&t, want);
}

#define ERROR(message, rest) \
	"{\"status\":\"error\",\"message\":\"" message "\",\"error\":" rest "}\n"
#define CREATED ",\"aik_creation\":\"Y3JlYQ==\",\"aik_attest\":\"YXR0\",\"aik_signature\":\"c2ln\""
#define GET_EK "{\"command\":\"getEK\"}"
#define GET_DATA "{\"command\":\"getAttestationData\"}"

/* hmac: 32 bytes 01; enc: 18 bytes 02; encrypted_secret: 256 bytes 03. */
static const char *activation(void)
{
	static char request[1024];
	struct text t = text_in(request, sizeof request - 1);
	uint8_t bytes[256];

	text_str(&t, "{\"command\":\"activateCredential\",\"hmac\":\"");
	memset(bytes, 1, sizeof bytes);
	base64_put(&t, bytes, 32);
	text_str(&t, "\",\"enc\":\"");
	memset(bytes, 2, sizeof bytes);
	base64_put(&t, bytes, 18);
	text_str(&t, "\",\"encrypted_secret\":\"");
	memset(bytes, 3, sizeof bytes);
	base64_put(&t, bytes, 256);
	text_str(&t, "\"}");
	assert_false(t.cut);
	request[t.len] = '\0';
	return request;
}

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

#define PREFIX "ActivateCredential failed: "

/* Where the command was understood, its prefix stands before what is wrong. */
static void test_bad_requests(void **state)
{
	(void)state;
	refused("", ERROR("The request is not a JSON object", "\"bad_json\""));
	refused("getEK", ERROR("The request is not a JSON object", "\"bad_json\""));
	refused(GET_EK "x", ERROR("There is text after the JSON object", "\"trailing_text\""));
	refused("{\"command\":7}",
		ERROR("The value is not a string", "\"wrong_type\",\"field\":\"command\""));
	/* Members of another command are of no interest, whatever they are. */
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

#define NONCE "\"nonce\":\"bm9uY2U=\""

/* ---- the AIK that signs ------------------------------------------------- */

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

/* A request that is refused leaves no credential behind. */
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

/* Any number of bytes may be asked about, not just what a slot can hold. */
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
		cmocka_unit_test(test_choice_of_aik),
		cmocka_unit_test(test_quote),
		cmocka_unit_test(test_certify),
		cmocka_unit_test(test_bad_nonces_and_pcrs),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_nothing_is_left),
		cmocka_unit_test(test_long_lines),
	};

	return cmocka_run_group_tests_name("dispatch", tests, NULL, NULL);
}
