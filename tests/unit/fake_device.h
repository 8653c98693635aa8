/*
 * A TPM device for src/tpm/link.c: what the port opens is a TCTI that answers
 * as `device` says.
 */
#ifndef TESTS_FAKE_DEVICE_H
#define TESTS_FAKE_DEVICE_H

#include "unit.h"

#include <tss2/tss2_esys.h>
#include <tss2/tss2_tcti.h>

#include "err.h"
#include "port.h"

static struct fake_device {
	TSS2_TCTI_CONTEXT_COMMON_V1 tcti;
	/* Set by the test. */
	int open_error; /* port_tpm_open's */
	int fault; /* port_tpm_fault's; 0: -ERR_TPM_UNAVAILABLE */
	TSS2_RC transmit_rc, size_rc, read_rc;
	unsigned size_again, read_again; /* so many times TRY_AGAIN comes first */
	uint8_t response[8192];
	size_t announced; /* the length, when asked for */
	size_t read; /* the length, when the response is read */
	/* What was done with the device. */
	unsigned opened, closed, transmitted, size_asked, read_asked;
	uint8_t command[4096];
	size_t command_len;
	int32_t timeout; /* of the last wait */
} device;

static TSS2_RC device_transmit(TSS2_TCTI_CONTEXT *tcti, size_t n, const uint8_t *command)
{
	assert_ptr_equal(tcti, &device);
	assert_in_range(n, 10, sizeof device.command);
	device.transmitted++;
	memcpy(device.command, command, n);
	device.command_len = n;
	return device.transmit_rc;
}

static TSS2_RC device_receive(TSS2_TCTI_CONTEXT *tcti, size_t *n, uint8_t *response,
			      int32_t timeout)
{
	size_t room = *n;

	assert_ptr_equal(tcti, &device);
	device.timeout = timeout;
	if (response == NULL) {
		device.size_asked++;
		if (device.size_again > 0) {
			device.size_again--;
			return TSS2_TCTI_RC_TRY_AGAIN;
		}
		*n = device.announced;
		return device.size_rc;
	}
	device.read_asked++;
	if (device.read_again > 0) {
		device.read_again--;
		return TSS2_TCTI_RC_TRY_AGAIN;
	}
	if (device.read_rc == TSS2_RC_SUCCESS) {
		*n = device.read;
		memcpy(response, device.response, room < device.read ? room : device.read);
	}
	return device.read_rc;
}

int port_tpm_open(TSS2_TCTI_CONTEXT **tcti, const char **name)
{
	assert_int_equal(device.opened, device.closed);
	*tcti = NULL;
	*name = NULL;
	if (device.open_error != 0) {
		return device.open_error;
	}
	device.opened++;
	device.tcti = (TSS2_TCTI_CONTEXT_COMMON_V1){
		.version = 1, .transmit = device_transmit, .receive = device_receive};
	*tcti = (TSS2_TCTI_CONTEXT *)(void *)&device;
	*name = "/dev/fake";
	return 0;
}

int port_tpm_fault(void)
{
	return device.fault != 0 ? device.fault : -ERR_TPM_UNAVAILABLE;
}

/* Idempotent, as the port's is. */
void port_tpm_close(void)
{
	if (device.opened > device.closed) {
		device.closed++;
		memset(&device.tcti, 0, sizeof device.tcti); /* it must not be used any more */
	}
}

int port_random(uint8_t *buf, size_t n)
{
	memset(buf, 0x5a, n);
	return 0;
}

/* The device's next response is these n bytes. */
static inline void device_answers(const void *p, size_t n)
{
	assert_true(n <= sizeof device.response);
	memcpy(device.response, p, n);
	device.announced = n;
	device.read = n;
}

/* The same, with the right size in the header. */
static inline void device_answers_sized(const void *p, size_t n)
{
	device_answers(p, n);
	for (size_t i = 0; i < 4; i++) {
		device.response[2 + i] = (uint8_t)(n >> (24 - 8 * i));
	}
}

#endif
