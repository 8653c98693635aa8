#include <string.h>

#include <tss2/tss2_tcti.h>

#include "base/wipe.h"
#include "bounds.h"
#include "crypto/callbacks.h"
#include "crypto/digest.h"
#include "err.h"
#include "port.h"
#include "tpm/link.h"
#include "wire/tpm_response.h"

/* The header of a response, in bytes: tag, size, code (TPM 2.0 Library part 1, 18). */
#define HEADER 10

static struct link {
	TSS2_TCTI_CONTEXT_COMMON_V2 guard; /* what ESAPI talks to */
	TSS2_TCTI_CONTEXT *device; /* what the guard talks to */
	ESYS_CONTEXT *esys;
	int fault; /* see link_fault */
	uint32_t commands;
	struct command_shape command; /* the one that was sent last */
	size_t wanted; /* length of the response, as the device announces it, or 0 */
	size_t len; /* length of `response`, which has been checked, or 0 */
	uint8_t response[TPM_RESPONSE_MAX];
	uint8_t *given; /* the buffer that the last response was copied to; or NULL */
	size_t given_len;
} link;

static TSS2_RC break_link(int fault)
{
	if (link.fault == 0) {
		link.fault = fault;
	}
	return TSS2_TCTI_RC_IO_ERROR;
}

/* The transfer failed: the port knows why. */
static TSS2_RC transfer_failed(void)
{
	return break_link(port_tpm_fault());
}

static TSS2_RC guard_transmit(TSS2_TCTI_CONTEXT *tcti, size_t n, const uint8_t *command)
{
	(void)tcti;
	if (link.fault != 0) {
		return TSS2_TCTI_RC_IO_ERROR;
	}
	link.commands++;
	link.command = command_shape(command, n);
	link.wanted = 0;
	link.len = 0;
	if (Tss2_Tcti_Transmit(link.device, n, command) != TSS2_RC_SUCCESS) {
		return transfer_failed();
	}
	return TSS2_RC_SUCCESS;
}

/* Reads the whole response and checks it. The device is asked for its length first. */
static TSS2_RC fetch(int32_t timeout)
{
	size_t n = 0;
	TSS2_RC rc;
	int r;

	if (link.wanted == 0) {
		rc = Tss2_Tcti_Receive(link.device, &n, NULL, timeout);
		if (rc == TSS2_TCTI_RC_TRY_AGAIN) {
			return rc;
		}
		if (rc != TSS2_RC_SUCCESS) {
			return transfer_failed();
		}
		if (n < HEADER || n > sizeof link.response) {
			return break_link(-ERR_TPM_RESPONSE);
		}
		link.wanted = n;
	}
	n = link.wanted;
	rc = Tss2_Tcti_Receive(link.device, &n, link.response, timeout);
	if (rc == TSS2_TCTI_RC_TRY_AGAIN) {
		return rc;
	}
	if (rc != TSS2_RC_SUCCESS) {
		return transfer_failed();
	}
	if (n > sizeof link.response) {
		return break_link(-ERR_TPM_RESPONSE);
	}
	r = tpm_response_check(link.command, link.response, n);
	if (r != 0) {
		return break_link(r);
	}
	link.len = n;
	return TSS2_RC_SUCCESS;
}

static TSS2_RC guard_receive(TSS2_TCTI_CONTEXT *tcti, size_t *n, uint8_t *response, int32_t timeout)
{
	(void)tcti;
	if (link.fault != 0) {
		return TSS2_TCTI_RC_IO_ERROR;
	}
	if (link.len == 0) {
		TSS2_RC rc = fetch(timeout);

		if (rc != TSS2_RC_SUCCESS) {
			return rc;
		}
	}
	if (response == NULL) {
		*n = link.len;
		return TSS2_RC_SUCCESS;
	}
	if (*n < link.len) {
		return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
	}
	memcpy(response, link.response, link.len);
	*n = link.len;
	link.given = response;
	link.given_len = link.len;
	wipe(link.response, link.len);
	link.len = 0;
	link.wanted = 0;
	return TSS2_RC_SUCCESS;
}

static void guard_finalize(TSS2_TCTI_CONTEXT *tcti)
{
	(void)tcti;
}

static TSS2_RC guard_cancel(TSS2_TCTI_CONTEXT *tcti)
{
	(void)tcti;
	return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

static TSS2_RC guard_poll_handles(TSS2_TCTI_CONTEXT *tcti, TSS2_TCTI_POLL_HANDLE *handles,
				  size_t *count)
{
	(void)tcti;
	(void)handles;
	(void)count;
	return TSS2_TCTI_RC_NOT_IMPLEMENTED; /* port_tpm_arm waits, not ESAPI */
}

static TSS2_RC guard_locality(TSS2_TCTI_CONTEXT *tcti, uint8_t locality)
{
	(void)tcti;
	(void)locality;
	return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

static TSS2_RC guard_sticky(TSS2_TCTI_CONTEXT *tcti, TPM2_HANDLE *handle, uint8_t sticky)
{
	(void)tcti;
	(void)handle;
	(void)sticky;
	return TSS2_TCTI_RC_NOT_IMPLEMENTED;
}

int link_open(const char **device)
{
	static const TSS2_TCTI_CONTEXT_COMMON_V2 guard = {
		.v1 = {.version = 2,
		       .transmit = guard_transmit,
		       .receive = guard_receive,
		       .finalize = guard_finalize,
		       .cancel = guard_cancel,
		       .getPollHandles = guard_poll_handles,
		       .setLocality = guard_locality},
		.makeSticky = guard_sticky,
	};
	TSS2_RC rc;
	int r = port_tpm_open(&link.device, device);

	if (r != 0) {
		return r;
	}
	link.guard = guard;
	link.fault = 0;
	link.wanted = 0;
	link.len = 0;
	rc = Esys_Initialize(&link.esys, (TSS2_TCTI_CONTEXT *)(void *)&link.guard, NULL);
	if (rc == TSS2_RC_SUCCESS) {
		rc = crypto_callbacks_set(link.esys);
	}
	if (rc != TSS2_RC_SUCCESS) {
		link_close();
		return rc == TSS2_ESYS_RC_MEMORY ? -ERR_MEMORY : -ERR_INTERNAL;
	}
	return 0;
}

void link_close(void)
{
	Esys_Finalize(&link.esys); /* does nothing with a NULL context */
	digest_reset();
	wipe(link.response, sizeof link.response);
	link.given = NULL;
	port_tpm_close();
}

ESYS_CONTEXT *link_esys(void)
{
	return link.esys;
}

int link_fault(void)
{
	return link.fault;
}

uint32_t link_commands(void)
{
	return link.commands;
}

TSS2_RC link_transmit(const uint8_t *command, size_t n)
{
	return guard_transmit(NULL, n, command);
}

TSS2_RC link_receive(uint8_t *response, size_t *n)
{
	return guard_receive(NULL, n, response, TSS2_TCTI_TIMEOUT_NONE);
}

void link_wipe(void)
{
	if (link.given != NULL) {
		wipe(link.given, link.given_len);
		link.given = NULL;
	}
}
