#include "wire/tpm_response.h"

#include "err.h"
#include "wire/reader.h"
#include "wire/tpm_constants.h"

#define HEADER 10

/*
 * The TPM commands whose responses are checked beyond the header. `parameters` has
 * a character for each parameter of the response: a digit is a number of bytes, B a
 * TPM2B, S a TPMT_SIGNATURE, C a TPMS_CAPABILITY_DATA, P a TPML_PCR_SELECTION, D a
 * TPML_DIGEST.
 *
 * This check is needed because tpm2-tss reads parameters from a buffer that is longer
 * than the response: where one is missing, it would take bytes of an earlier response.
 */
static const struct tpm_command {
	uint16_t code; /* TPM_CC */
	uint8_t handles; /* of the command */
	bool returns_handle;
	char parameters[8];
} tpm_commands[] = {
	{TPM2_CC_EvictControl, 2, false, ""},
	{TPM2_CC_CreatePrimary, 1, true, "BBB6BB"}, /* 6: the ticket before its digest */
	{TPM2_CC_ActivateCredential, 2, false, "B"},
	{TPM2_CC_Certify, 2, false, "BS"},
	{TPM2_CC_CertifyCreation, 2, false, "BS"},
	{TPM2_CC_NV_Read, 2, false, "B"},
	{TPM2_CC_PolicySecret, 2, false, "B6B"},
	{TPM2_CC_Quote, 1, false, "BS"},
	{TPM2_CC_ContextLoad, 0, true, ""},
	{TPM2_CC_ContextSave, 1, false, "88B"},
	{TPM2_CC_NV_ReadPublic, 1, false, "BB"},
	{TPM2_CC_ReadPublic, 1, false, "BBB"},
	{TPM2_CC_StartAuthSession, 2, true, "B"},
	{TPM2_CC_GetCapability, 0, false, "1C"},
	{TPM2_CC_PCR_Read, 0, false, "4PD"},
};

static const struct tpm_command *find(uint32_t code)
{
	for (size_t i = 0; i < sizeof tpm_commands / sizeof *tpm_commands; i++) {
		if (tpm_commands[i].code == code) {
			return &tpm_commands[i];
		}
	}
	return NULL;
}

static unsigned count_sessions(struct reader *r, const struct tpm_command *command)
{
	struct reader area;
	const uint8_t *p;
	unsigned count = 0;
	size_t len;

	reader_bytes(r, (size_t)command->handles * 4);
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
	if (!r.failed && shape.tag == TPM2_ST_SESSIONS) {
		const struct tpm_command *known = find(shape.code);

		r.failed = known == NULL;
		shape.sessions = known == NULL ? 0 : count_sessions(&r, known);
	}
	return r.failed ? (struct command_shape){0, 0, 0} : shape;
}

static void take_signature(struct reader *r)
{
	uint16_t algorithm = reader_u16(r);
	size_t len;

	r->failed = r->failed || (algorithm != TPM2_ALG_RSASSA && algorithm != TPM2_ALG_ECDSA);
	reader_u16(r); /* hash */
	reader_tpm2b(r, &len);
	if (algorithm == TPM2_ALG_ECDSA) {
		reader_tpm2b(r, &len);
	}
}

/* Their number is not limited here: tpm2-tss takes no more than it has room for. */
static void take_list(struct reader *r, char kind)
{
	/* attestd asks for two capabilities: handles, and properties with their values. */
	size_t size = kind == 'C' && reader_u32(r) == TPM2_CAP_HANDLES ? 4 : 8;

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

/* `r` is what follows the header of a successful response. */
static int check_body(struct reader r, struct command_shape command)
{
	const struct tpm_command *known = find(command.code);
	struct reader parameters;
	size_t len;

	if (known == NULL) {
		return command.tag == TPM2_ST_SESSIONS ? -ERR_TPM_RESPONSE : 0;
	}
	if (known->returns_handle) {
		reader_u32(&r);
	}
	parameters = r;
	if (command.tag == TPM2_ST_SESSIONS) {
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
	return !r.failed && are_whole(parameters, known->parameters) ? 0 : -ERR_TPM_RESPONSE;
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
	if (tag == TPM2_ST_RSP_COMMAND && rc == TPM2_RC_BAD_TAG) {
		return -ERR_TPM_VERSION;
	}
	if (rc != 0) {
		bool plain = tag == TPM2_ST_NO_SESSIONS && n == HEADER;

		return plain && tpm_response_is_code(rc) ? 0 : -ERR_TPM_RESPONSE;
	}
	if (tag == 0 || tag != command.tag) {
		return -ERR_TPM_RESPONSE;
	}
	return check_body(r, command);
}
