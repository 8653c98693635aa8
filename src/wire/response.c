#include <stdbool.h>

#include "err.h"
#include "wire/reader.h"
#include "wire/response.h"

#define HEADER 10

/* The commands of attestd (TPM_CC) that can have sessions. */
static const struct code {
	uint16_t code;
	uint8_t handles; /* of the command */
	bool returns_handle;
	bool encrypted; /* one TPM2B is all that the response holds, and ESAPI decrypts it */
} codes[] = {
	{0x131, 1, true, false}, /* CreatePrimary */
	{0x147, 2, false, true}, /* ActivateCredential */
	{0x14e, 2, false, false}, /* NV_Read */
	{0x151, 2, false, false}, /* PolicySecret */
	{0x169, 1, false, false}, /* NV_ReadPublic */
	{0x173, 1, false, false}, /* ReadPublic */
	{0x176, 2, true, false}, /* StartAuthSession */
	{0x17a, 0, false, false}, /* GetCapability */
};

static const struct code *find(uint32_t code)
{
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		if (codes[i].code == code) {
			return &codes[i];
		}
	}
	return NULL;
}

static unsigned count_sessions(struct reader *r, const struct code *code)
{
	struct reader area;
	const uint8_t *p;
	unsigned count = 0;
	size_t len;

	reader_bytes(r, (size_t)code->handles * 4);
	len = reader_u32(r);
	p = reader_bytes(r, len);
	area = reader_over(p, p == NULL ? 0 : len);
	for (; area.n > 0; count++) {
		reader_u32(&area); /* handle */
		reader_tpm2b(&area, &len); /* nonce */
		reader_u8(&area); /* attributes */
		reader_tpm2b(&area, &len); /* HMAC */
	}
	r->failed = r->failed || area.failed;
	return count;
}

struct command_shape command_shape(const uint8_t *command, size_t n)
{
	struct reader r = reader_over(command, n);
	struct command_shape shape = {0, 0, 0};

	shape.tag = reader_u16(&r);
	r.failed = reader_u32(&r) != n || r.failed;
	shape.code = reader_u32(&r);
	if (!r.failed && shape.tag == RESPONSE_TAG_SESSIONS) {
		const struct code *code = find(shape.code);

		r.failed = code == NULL;
		shape.sessions = code == NULL ? 0 : count_sessions(&r, code);
	}
	return r.failed ? (struct command_shape){0, 0, 0} : shape;
}

static int check_sessions(struct reader r, struct command_shape command)
{
	const struct code *code = find(command.code);
	struct reader parameters;
	const uint8_t *p;
	size_t len;

	if (code == NULL) {
		return -ERR_TPM_RESPONSE;
	}
	if (code->returns_handle) {
		reader_u32(&r);
	}
	len = reader_u32(&r); /* parameterSize */
	p = reader_bytes(&r, len);
	if (r.failed) {
		return -ERR_TPM_RESPONSE;
	}
	parameters = reader_over(p, len);
	if (code->encrypted && (reader_tpm2b(&parameters, &len), !reader_done(&parameters))) {
		return -ERR_TPM_RESPONSE;
	}
	for (unsigned i = 0; i < command.sessions; i++) {
		reader_tpm2b(&r, &len); /* nonce */
		reader_u8(&r); /* attributes */
		reader_tpm2b(&r, &len); /* acknowledgment */
	}
	return reader_done(&r) ? 0 : -ERR_TPM_RESPONSE;
}

int response_check(struct command_shape command, const uint8_t *p, size_t n)
{
	struct reader r = reader_over(p, n);
	uint16_t tag = reader_u16(&r);
	uint32_t size = reader_u32(&r);
	uint32_t rc = reader_u32(&r);

	if (r.failed || size != n) {
		return -ERR_TPM_RESPONSE;
	}
	if (tag == RESPONSE_TAG_TPM12 && rc == RESPONSE_RC_BADTAG) {
		return -ERR_TPM_VERSION;
	}
	if (rc != 0) {
		return tag == RESPONSE_TAG_PLAIN && n == HEADER ? 0 : -ERR_TPM_RESPONSE;
	}
	if (tag != command.tag) {
		return -ERR_TPM_RESPONSE;
	}
	return tag == RESPONSE_TAG_SESSIONS ? check_sessions(r, command) : 0;
}
