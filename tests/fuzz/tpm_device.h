/*
 * A TPM for fuzz_tpm.c. It answers each command like a healthy TPM, unless the input
 * has an answer for this command.
 */
#ifndef TESTS_TPM_DEVICE_H
#define TESTS_TPM_DEVICE_H

#include "tpm_answers.h"

#include <tss2/tss2_esys.h>

#include "port.h"
#include "wire/tpm_response.h"

/* ---- responses ---------------------------------------------------------- */

/* One authorisation for each in the command: a password's, or a session's with an HMAC of zeros. */
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

/* Answers with success, this handle and these parameters. */
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
	static struct bytes good;

	good.n = 0;
	if (c->answer != NULL) {
		c->answer(&good);
	}
	if (c->answer != NULL && good.n == 0) {
		static const uint8_t handle_1[] = {0x80, 1, 0, 0, 0, 10, 0, 0, 0x01, 0x8b};

		device.response.n = 0;
		put(&device.response, handle_1, sizeof handle_1);
		return;
	}
	respond(c, loaded_free(c->handle), good.p, good.n);
}

/*
 * Gives the input's next answer, if it is meant for this command. The answer is a byte
 * that names the command and the form, and bytes behind their size. The bytes are the
 * whole response, or a response whose header is corrected, or the parameters behind the
 * handle.
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
	loaded.foreign = loaded.foreign || c->code == TPM2_CC_ContextSave;
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
	if (flushing.on) {
		flushing_see(&device.command, &device.response);
	} else {
		loaded_see(&device.command, c->handles, &device.response);
	}
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
	loaded.count = 0;
}

int port_tpm_fault(void)
{
	return -ERR_TPM_UNAVAILABLE;
}

int port_tpm_arm(void)
{
	return -ERR_NOTSUP; /* link.c then waits for each response in the call that fetches it */
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

int port_owner_auth(uint8_t *buf, size_t *len)
{
	return port_endorsement_auth(buf, len);
}

int port_ek_cert(unsigned n, const uint8_t **p, size_t *len, const char **source)
{
	(void)n;
	(void)p;
	(void)len;
	(void)source;
	return -ERR_CERT_ABSENT;
}

int port_ek_chain(unsigned n, const uint8_t **p, size_t *len)
{
	*p = ec_certificate;
	*len = sizeof ec_certificate;
	return n == 0 ? 0 : -ERR_CERT_ABSENT;
}

/* The clock does not reach the age at which a ready session (src/tpm/ready_session.c) is
 * replaced. */
uint64_t port_now_ms(void)
{
	return 1000;
}

int port_random(uint8_t *buf, size_t n)
{
	memset(buf, 0x5a, n);
	return 0;
}

#endif
