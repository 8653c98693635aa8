#include "err.h"
#include "wire/reader.h"
#include "wire/response.h"

#define HEADER 10

/* The commands of attestd (TPM_CC) whose responses are looked into. */
static const struct code {
	uint16_t code;
	uint8_t handles; /* of the command */
	bool returns_handle;
	uint8_t tpm2bs; /* they are all of the response's parameters; 0: something else is */
} codes[] = {
	{0x131, 1, true, 0}, /* CreatePrimary */
	{0x147, 2, false, 1}, /* ActivateCredential */
	{0x14e, 2, false, 1}, /* NV_Read */
	{0x151, 2, false, 0}, /* PolicySecret */
	{0x161, 0, true, 0}, /* ContextLoad */
	{0x169, 1, false, 2}, /* NV_ReadPublic */
	{0x173, 1, false, 3}, /* ReadPublic */
	{0x176, 2, true, 1}, /* StartAuthSession */
	{0x17a, 0, false, 0}, /* GetCapability */
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

static bool are_whole(struct reader r, const struct code *code)
{
	size_t len;

	for (unsigned i = 0; i < code->tpm2bs; i++) {
		reader_tpm2b(&r, &len);
	}
	return code->tpm2bs == 0 || reader_done(&r);
}

/* What is behind the header of a success. */
static int check_body(struct reader r, struct command_shape command)
{
	const struct code *code = find(command.code);
	struct reader parameters;
	size_t len;

	if (code == NULL) {
		return command.tag == RESPONSE_TAG_SESSIONS ? -ERR_TPM_RESPONSE : 0;
	}
	if (code->returns_handle) {
		reader_u32(&r);
	}
	parameters = r;
	if (command.tag == RESPONSE_TAG_SESSIONS) {
		const uint8_t *p;

		len = reader_u32(&r); /* parameterSize */
		p = reader_bytes(&r, len);
		parameters = reader_over(p, p == NULL ? 0 : len);
		for (unsigned i = 0; i < command.sessions; i++) {
			reader_tpm2b(&r, &len); /* nonce */
			reader_u8(&r); /* attributes */
			reader_tpm2b(&r, &len); /* acknowledgment */
		}
		r.failed = !reader_done(&r);
	}
	return !r.failed && are_whole(parameters, code) ? 0 : -ERR_TPM_RESPONSE;
}

bool response_is_code(uint32_t rc)
{
	uint32_t layer = rc >> 16;

	return layer == 0 || layer == 11 || layer == 12;
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
		bool plain = tag == RESPONSE_TAG_PLAIN && n == HEADER;

		return plain && response_is_code(rc) ? 0 : -ERR_TPM_RESPONSE;
	}
	if (tag == 0 || tag != command.tag) {
		return -ERR_TPM_RESPONSE;
	}
	return check_body(r, command);
}
