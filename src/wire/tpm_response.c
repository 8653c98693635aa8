#include "err.h"
#include "wire/reader.h"
#include "wire/tpm_response.h"

#define HEADER 10

#define SIG_RSASSA 0x0014
#define SIG_ECDSA 0x0018
#define CAP_HANDLES 1

/*
 * The commands of attestd (TPM_CC) whose responses are looked into, and what the
 * response's parameters are, each by a character: a digit stands for so many
 * bytes, B for a TPM2B, S for a TPMT_SIGNATURE, C for a TPMS_CAPABILITY_DATA; P and
 * D for a list of PCR selections and of digests.
 *
 * The library above reads them from a buffer that is longer than the response, and
 * holds what was there before: a response that is short would be filled up with that.
 */
static const struct code {
	uint16_t code;
	uint8_t handles; /* of the command */
	bool returns_handle;
	char parameters[8];
} codes[] = {
	{0x120, 2, false, ""}, /* EvictControl */
	{0x131, 1, true, "BBB6BB"}, /* CreatePrimary; 6: of the ticket before its digest */
	{0x147, 2, false, "B"}, /* ActivateCredential */
	{0x148, 2, false, "BS"}, /* Certify */
	{0x14a, 2, false, "BS"}, /* CertifyCreation */
	{0x14e, 2, false, "B"}, /* NV_Read */
	{0x151, 2, false, "B6B"}, /* PolicySecret */
	{0x158, 1, false, "BS"}, /* Quote */
	{0x161, 0, true, ""}, /* ContextLoad */
	{0x162, 1, false, "88B"}, /* ContextSave */
	{0x169, 1, false, "BB"}, /* NV_ReadPublic */
	{0x173, 1, false, "BBB"}, /* ReadPublic */
	{0x176, 2, true, "B"}, /* StartAuthSession */
	{0x17a, 0, false, "1C"}, /* GetCapability */
	{0x17e, 0, false, "4PD"}, /* PCR_Read */
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

static void take_signature(struct reader *r)
{
	uint16_t algorithm = reader_u16(r);
	size_t len;

	r->failed = r->failed || (algorithm != SIG_RSASSA && algorithm != SIG_ECDSA);
	reader_u16(r); /* hash */
	reader_tpm2b(r, &len);
	if (algorithm == SIG_ECDSA) {
		reader_tpm2b(r, &len);
	}
}

/* The elements are not counted here: the library does not take more than it has room for. */
static void take_list(struct reader *r, char kind)
{
	/* Of the capabilities attestd asks for handles, and for properties with values. */
	size_t size = kind == 'C' && reader_u32(r) == CAP_HANDLES ? 4 : 8;

	for (uint32_t left = reader_u32(r); left > 0 && !r->failed; left--) {
		if (kind == 'D') {
			reader_tpm2b(r, &size);
		} else if (kind == 'P') {
			reader_u16(r); /* hash */
			reader_bytes(r, reader_u8(r));
		} else {
			reader_bytes(r, size);
		}
	}
}

static bool are_whole(struct reader r, const char *kind)
{
	size_t len;

	for (; *kind != '\0'; kind++) {
		if (*kind <= '9') {
			reader_bytes(&r, (size_t)(*kind - '0'));
		} else if (*kind == 'B') {
			reader_tpm2b(&r, &len);
		} else if (*kind == 'S') {
			take_signature(&r);
		} else {
			take_list(&r, *kind);
		}
	}
	return reader_done(&r);
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
	return !r.failed && are_whole(parameters, code->parameters) ? 0 : -ERR_TPM_RESPONSE;
}

bool tpm_response_is_code(uint32_t rc)
{
	uint32_t layer = rc >> 16;

	return layer == 0 || layer == 11 || layer == 12;
}

int tpm_response_check(struct command_shape command, const uint8_t *p, size_t n)
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

		return plain && tpm_response_is_code(rc) ? 0 : -ERR_TPM_RESPONSE;
	}
	if (tag == 0 || tag != command.tag) {
		return -ERR_TPM_RESPONSE;
	}
	return check_body(r, command);
}
