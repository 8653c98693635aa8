/*
 * What the tests of src/service/dispatch.c share: what is known of the TPM, and the reply to
 * a request.
 */
#ifndef TESTS_DISPATCH_REQUESTS_H
#define TESTS_DISPATCH_REQUESTS_H

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

/* dispatch.c only uses the addresses of these operations. */
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

static inline int parse_bytes(const void *request, size_t n)
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

static inline int parse(const char *request)
{
	return parse_bytes(request, strlen(request));
}

static inline void replies(const struct text *t, const char *want)
{
	assert_false(t->cut);
	line[t->len] = '\0';
	assert_string_equal(line, want);
}

/* The request cannot be parsed; `want` is the whole reply line. */
static inline void refused(const char *request, const char *want)
{
	struct text t = text_in(line, sizeof line - 1);

	assert_int_not_equal(parse(request), 0);
	dispatch_error_reply(type, error, 0, &t);
	replies(&t, want);
}

/* The request can be parsed, but fails later with this error; `want` is the reply line. */
static inline void fails(const char *request, int err, uint32_t rc, const char *want)
{
	struct text t = text_in(line, sizeof line - 1);

	assert_int_equal(parse(request), 0);
	dispatch_error_reply(type, (struct request_error){err, NULL}, rc, &t);
	replies(&t, want);
}

static inline void succeeds(const char *request, const struct tpm_result *result, const char *want)
{
	struct text t = text_in(line, sizeof line - 1);

	assert_int_equal(parse(request), 0);
	dispatch_reply(type, &params, result, &t);
	replies(&t, want);
}

#define ERROR(message, rest) \
	"{\"status\":\"error\",\"message\":\"" message "\",\"error\":" rest "}\n"
#define CREATED ",\"aik_creation\":\"Y3JlYQ==\",\"aik_attest\":\"YXR0\",\"aik_signature\":\"c2ln\""
#define PREFIX "ActivateCredential failed: "
#define GET_EK "{\"command\":\"getEK\"}"
#define GET_DATA "{\"command\":\"getAttestationData\"}"

/* hmac: 32 bytes 01; enc: 18 bytes 02; encrypted_secret: 256 bytes 03. */
static inline const char *activation(void)
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

#endif
