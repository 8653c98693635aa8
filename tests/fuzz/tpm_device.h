/*
 * A TPM for fuzz_tpm.c: it answers each command as a TPM in good health would,
 * but for those to which the input has an answer.
 */
#ifndef TESTS_TPM_DEVICE_H
#define TESTS_TPM_DEVICE_H

#include "tpm_bytes.h"
#include "tpm_orphans.h"

#include <tss2/tss2_esys.h>
#include <tss2/tss2_tcti.h>

#include "certificates.h"
#include "port.h"
#include "tpm/template.h"
#include "wire/response.h"

#define CERT_NV_SIZE 600
#define EK_HANDLE 0x81010001

/* ---- the commands, and a good answer's parameters ----------------------- */

static struct {
	TSS2_TCTI_CONTEXT_COMMON_V1 tcti;
	bool open;
	bool persistent; /* the EK is at EK_HANDLE */
	bool bare; /* there is no resource manager */
	bool full; /* nor a slot left, perhaps */
	bool has_template; /* the EK's, in NV */
	bool has_auth; /* endorsementAuth is set */
	bool holds; /* keys stay loaded */
	struct input answers; /* the input's, not yet given */
	unsigned given;
	unsigned commands;
	struct bytes command;
	struct bytes response;
} device;

/* Of what the command names, which may be there or not. */
static void answer_read_public(struct bytes *b)
{
	uint32_t handle = be32(device.command.p + HEADER);

	if (handle != EK_HANDLE) {
		put_orphan(b, handle);
	} else if (device.persistent) {
		put_public(b, &template_ek);
	}
	if (b->n > 0) {
		put_name(b);
		put_name(b);
	}
}

static void answer_policy_get_digest(struct bytes *b)
{
	put_orphan(b, be32(device.command.p + HEADER));
}

/* What is in the index that the command names; false: there is no such index. */
static bool nv_content(uint32_t index, struct bytes *b)
{
	b->n = 0;
	if (index == 0x01c00002) {
		put(b, rsa_certificate, sizeof rsa_certificate);
		put_fill(b, 0xff, CERT_NV_SIZE - sizeof rsa_certificate);
		return true;
	}
	if (index != 0x01c00004 || !device.has_template) {
		return false;
	}
	MUST(Tss2_MU_TPMT_PUBLIC_Marshal(&template_ek.publicArea, b->p, sizeof b->p, &b->n) == 0);
	return true;
}

static void answer_nv_read_public(struct bytes *b)
{
	static struct bytes content;
	uint32_t index = be32(device.command.p + HEADER);

	if (!nv_content(index, &content)) {
		return;
	}
	put_be(b, 14, 2);
	put_be(b, index, 4);
	put_be(b, TPM2_ALG_SHA256, 2);
	put_be(b, TPMA_NV_AUTHREAD | TPMA_NV_OWNERREAD | TPMA_NV_WRITTEN, 4);
	put_be(b, 0, 2);
	put_be(b, content.n, 2);
	put_name(b);
}

static void answer_get_capability(struct bytes *b)
{
	if (be32(device.command.p + HEADER) == TPM2_CAP_HANDLES) {
		put_orphan_handles(b, be32(device.command.p + HEADER + 4));
		return;
	}
	put_be(b, 0, 1);
	put_be(b, TPM2_CAP_TPM_PROPERTIES, 4);
	put_be(b, 1, 4);
	put_be(b, TPM2_PT_NV_BUFFER_MAX, 4);
	put_be(b, 512, 4);
}

/* The command ends with the size and the offset that are wanted. */
static void answer_nv_read(struct bytes *b)
{
	static struct bytes content;
	uint32_t wanted = be32(device.command.p + device.command.n - 4);
	size_t n = wanted >> 16, at = wanted & 0xffff;

	if (nv_content(be32(device.command.p + HEADER + 4), &content)) {
		put_be(b, n, 2);
		for (; n > 0; n--, at++) {
			put_be(b, at < content.n ? content.p[at] : 0xff, 1);
		}
	}
}

/* The AIK's command is the one whose template is ECC's. */
static void answer_create_primary(struct bytes *b)
{
	/* handle, sessions behind their size, inSensitive, size of inPublic */
	size_t type = HEADER + 4 + 4 + be32(device.command.p + HEADER + 4) + 6 + 2;
	bool ecc = device.command.n > type + 1 && device.command.p[type + 1] == TPM2_ALG_ECC;

	put_public(b, ecc ? &template_aik : &template_ek);
	put_be(b, 0, 2); /* creationData */
	put_be(b, 0, 2); /* creationHash */
	put_be(b, TPM2_ST_CREATION, 2);
	put_be(b, TPM2_RH_ENDORSEMENT, 4);
	put_be(b, 0, 2);
	put_name(b);
}

static void answer_context_save(struct bytes *b)
{
	put_be(b, 1, 8);
	put_be(b, 0x80000000, 4);
	put_be(b, TPM2_RH_ENDORSEMENT, 4);
	put_be(b, 100, 2);
	put_fill(b, 0xc7, 100);
}

static void answer_start_auth_session(struct bytes *b)
{
	put_be(b, 32, 2);
	put_fill(b, 0x4e, 32);
}

static void answer_policy_secret(struct bytes *b)
{
	put_be(b, 0, 2); /* timeout */
	put_be(b, TPM2_ST_AUTH_SECRET, 2);
	put_be(b, TPM2_RH_NULL, 4);
	put_be(b, 0, 2);
}

static void answer_activate_credential(struct bytes *b)
{
	put_be(b, 16, 2);
	put_fill(b, 0x5e, 16);
}

static const struct device_command {
	uint32_t code;
	unsigned handles; /* of the command */
	uint32_t handle; /* of the response, or 0 */
	/* Of what is not there it puts nothing. NULL: that is a good answer. */
	void (*answer)(struct bytes *b);
} device_commands[] = {
	{TPM2_CC_ReadPublic, 1, 0, answer_read_public},
	{TPM2_CC_NV_ReadPublic, 1, 0, answer_nv_read_public},
	{TPM2_CC_GetCapability, 0, 0, answer_get_capability},
	{TPM2_CC_NV_Read, 2, 0, answer_nv_read},
	{TPM2_CC_CreatePrimary, 1, 0x80000000, answer_create_primary},
	{TPM2_CC_ContextSave, 1, 0, answer_context_save},
	{TPM2_CC_ContextLoad, 0, 0x80000001, NULL},
	{TPM2_CC_FlushContext, 0, 0, NULL},
	{TPM2_CC_StartAuthSession, 2, 0x03000000, answer_start_auth_session},
	{TPM2_CC_PolicySecret, 2, 0, answer_policy_secret},
	{TPM2_CC_ActivateCredential, 2, 0, answer_activate_credential},
	{TPM2_CC_PolicyGetDigest, 1, 0, answer_policy_get_digest},
};
#define DEVICE_COMMANDS (sizeof device_commands / sizeof *device_commands)

/* ---- responses ---------------------------------------------------------- */

/* An authorisation for each of the command's: a password's, or a session's
 * with an HMAC of zeros. */
static void put_sessions(struct bytes *b, const struct device_command *c, unsigned count)
{
	size_t at = HEADER + c->handles * 4 + 4;

	for (unsigned i = 0; i < count; i++) {
		const uint8_t *session = device.command.p + at;
		bool password = be32(session) == TPM2_RS_PW;
		size_t nonce = (size_t)session[4] << 8 | session[5];
		size_t hmac = (size_t)session[7 + nonce] << 8 | session[8 + nonce];

		put_be(b, password ? 0 : 32, 2);
		put_fill(b, 0, password ? 0 : 32);
		put_be(b, session[6 + nonce], 1); /* attributes */
		put_be(b, password ? 0 : 32, 2);
		put_fill(b, 0, password ? 0 : 32);
		at += 9 + nonce + hmac;
	}
}

static void set_header(struct bytes *b, uint16_t tag)
{
	b->p[0] = (uint8_t)(tag >> 8);
	b->p[1] = (uint8_t)tag;
	for (size_t i = 0; i < 4; i++) {
		b->p[2 + i] = (uint8_t)(b->n >> (24 - 8 * i));
	}
}

/* A success with these parameters and handle. */
static void respond(const struct device_command *c, uint32_t handle, const uint8_t *p, size_t n)
{
	struct bytes *b = &device.response;
	struct command_shape shape = command_shape(device.command.p, device.command.n);

	MUST(shape.code == c->code);
	b->n = 0;
	put_fill(b, 0, HEADER);
	if (c->handle != 0) {
		put_be(b, handle, 4);
	}
	if (shape.sessions > 0) {
		put_be(b, n, 4);
	}
	put(b, p, n);
	put_sessions(b, c, shape.sessions);
	set_header(b, shape.tag);
}

static void respond_well(const struct device_command *c)
{
	static struct bytes parameters;

	parameters.n = 0;
	if (c->answer != NULL) {
		c->answer(&parameters);
	}
	if (c->answer != NULL && parameters.n == 0) {
		static const uint8_t handle_1[] = {0x80, 1, 0, 0, 0, 10, 0, 0, 0x01, 0x8b};

		device.response.n = 0;
		put(&device.response, handle_1, sizeof handle_1);
		return;
	}
	respond(c, c->handle, parameters.p, parameters.n);
}

/*
 * The input's next answer, if it is one to this command: a byte that says to
 * which and how, and its bytes behind their size. They are the whole response;
 * or one whose header is put right; or the parameters, behind the handle.
 */
static bool respond_from_input(const struct device_command *c)
{
	struct input *in = &device.answers;
	struct input bytes;
	unsigned how;

	if (in->n == 0 || (in->p[0] & 63) % DEVICE_COMMANDS != (size_t)(c - device_commands)) {
		return false;
	}
	how = input_u8(in) >> 6;
	bytes = input_bytes(in);
	device.given++;
	device.response.n = 0;
	if (how < 2) {
		put(&device.response, bytes.p, bytes.n);
		if (how == 1 && bytes.n >= HEADER) {
			set_header(&device.response,
				   (uint16_t)(device.command.p[0] << 8 | device.command.p[1]));
		}
	} else if (c->handle != 0 && bytes.n >= 4) {
		respond(c, be32(bytes.p), bytes.p + 4, bytes.n - 4);
	} else {
		respond(c, c->handle, bytes.p, bytes.n);
	}
	return true;
}

static TSS2_RC device_transmit(TSS2_TCTI_CONTEXT *tcti, size_t n, const uint8_t *command)
{
	const struct device_command *c = device_commands;

	MUST(tcti == (void *)&device && device.open);
	MUST(n >= HEADER && be32(command + 2) == n);
	device.commands++;
	device.command.n = 0;
	put(&device.command, command, n);
	while (c->code != be32(command + 6)) {
		c++;
		MUST(c < device_commands + DEVICE_COMMANDS);
	}
	if (!respond_from_input(c)) {
		respond_well(c);
	}
	orphans_see(&device.command, &device.response);
	return TSS2_RC_SUCCESS;
}

static TSS2_RC device_receive(TSS2_TCTI_CONTEXT *tcti, size_t *n, uint8_t *response,
			      int32_t timeout)
{
	(void)timeout;
	MUST(tcti == (void *)&device && device.open);
	if (response != NULL) {
		MUST(*n >= device.response.n);
		memcpy(response, device.response.p, device.response.n);
	}
	*n = device.response.n;
	return TSS2_RC_SUCCESS;
}

/* ---- the port ----------------------------------------------------------- */

int port_tpm_open(TSS2_TCTI_CONTEXT **tcti, const char **name)
{
	MUST(!device.open);
	device.open = true;
	device.tcti = (TSS2_TCTI_CONTEXT_COMMON_V1){
		.version = 1, .transmit = device_transmit, .receive = device_receive};
	*tcti = (TSS2_TCTI_CONTEXT *)(void *)&device;
	*name = "/dev/fuzz";
	return 0;
}

void port_tpm_close(void)
{
	device.open = false;
}

int port_tpm_fault(void)
{
	return -ERR_TPM_UNAVAILABLE;
}

int port_tpm_arm(void)
{
	return -ERR_NOTSUP; /* finish by blocking */
}

bool port_tpm_holds_keys(void)
{
	return device.holds;
}

int port_endorsement_auth(uint8_t *buf, size_t *len)
{
	*len = device.has_auth ? 20 : 0;
	memset(buf, 0xa0, *len);
	return 0;
}

int port_ek_cert(unsigned n, const uint8_t **p, size_t *len, const char **source)
{
	(void)n;
	(void)p;
	(void)len;
	(void)source;
	return -ERR_CERT_ABSENT;
}

int port_random(uint8_t *buf, size_t n)
{
	memset(buf, 0x5a, n);
	return 0;
}

#endif
