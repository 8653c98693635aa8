/* src/tpm/link.c: the guard between ESAPI and the device. */
#include "fake_device.h"

#include "bounds.h"
#include "tpm/heap.h"
#include "tpm/link.h"

/* TPM2_GetRandom of 8 bytes, and a response to it. */
static const uint8_t command[] = {0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x7b, 0, 8};
static const uint8_t answer[] = {0x80, 0x01, 0, 0, 0, 20, 0, 0, 0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8};

static TSS2_TCTI_CONTEXT *guard;
static uint8_t got[TPM_RESPONSE_MAX];
static size_t got_len;

static void open_link(void)
{
	const char *name = NULL;

	assert_int_equal(link_open(&name), 0);
	assert_string_equal(name, "/dev/fake");
	assert_non_null(link_esys());
	assert_int_equal(link_fault(), 0);
	assert_int_equal(Esys_GetTcti(link_esys(), &guard), TSS2_RC_SUCCESS);
	assert_ptr_not_equal(guard, &device);
}

/* The link is open, and the device works. */
static int setup(void **state)
{
	(void)state;
	memset(&device, 0, sizeof device);
	memset(got, 0xa5, sizeof got);
	device_answers(answer, sizeof answer);
	open_link();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	link_close();
	assert_null(link_esys());
	assert_int_equal(device.opened, device.closed);
	assert_int_equal(heap_used(), 0);
	return 0;
}

static TSS2_RC transmit(void)
{
	return Tss2_Tcti_Transmit(guard, sizeof command, command);
}

/* As ESAPI does: it asks for the length first, then for the response. */
static TSS2_RC receive(void)
{
	TSS2_RC rc;

	got_len = 0;
	rc = Tss2_Tcti_Receive(guard, &got_len, NULL, 0);
	if (rc != TSS2_RC_SUCCESS) {
		return rc;
	}
	return Tss2_Tcti_Receive(guard, &got_len, got, 0);
}

static void works(void)
{
	device_answers(answer, sizeof answer);
	assert_int_equal(transmit(), TSS2_RC_SUCCESS);
	assert_int_equal(device.command_len, sizeof command);
	assert_memory_equal(device.command, command, sizeof command);
	assert_int_equal(receive(), TSS2_RC_SUCCESS);
	assert_int_equal(got_len, sizeof answer);
	assert_memory_equal(got, answer, sizeof answer);
	assert_int_equal(link_fault(), 0);
}

/* The link is broken by `fault`: commands fail without reaching the device, until it is closed
 * and opened again. */
static void is_broken(int fault)
{
	unsigned transmitted = device.transmitted, asked = device.size_asked + device.read_asked;
	uint32_t commands = link_commands();

	assert_int_equal(link_fault(), fault);
	device_answers(answer, sizeof answer);
	device.transmit_rc = device.size_rc = device.read_rc = TSS2_RC_SUCCESS;
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(receive(), TSS2_TCTI_RC_IO_ERROR);
		assert_int_equal(transmit(), TSS2_TCTI_RC_IO_ERROR);
	}
	assert_int_equal(link_fault(), fault);
	assert_int_equal(device.transmitted, transmitted);
	assert_int_equal(device.size_asked + device.read_asked, asked);
	assert_int_equal(link_commands(), commands); /* the failed ones were not sent */
	link_close();
	open_link();
	works();
}

/* The device's response breaks the link. */
static void breaks(int fault)
{
	memset(got, 0xa5, sizeof got);
	assert_int_equal(transmit(), TSS2_RC_SUCCESS);
	assert_int_equal(receive(), TSS2_TCTI_RC_IO_ERROR);
	for (size_t i = 0; i < sizeof got; i++) { /* no byte of it was passed on */
		assert_int_equal(got[i], 0xa5);
	}
	is_broken(fault);
}

static void test_good_responses_pass(void **state)
{
	static uint8_t large[TPM_RESPONSE_MAX] = {0x80, 0x01};
	static const uint8_t error[] = {0x80, 0x01, 0, 0, 0, 10, 0, 0, 0x01, 0x01};
	uint32_t commands = link_commands();

	(void)state;
	works();
	works();
	assert_int_equal(link_commands(), commands + 2);
	memset(large + 10, 0x77, sizeof large - 10);
	device_answers_sized(large, sizeof large);
	assert_int_equal(transmit(), TSS2_RC_SUCCESS);
	assert_int_equal(receive(), TSS2_RC_SUCCESS);
	assert_int_equal(got_len, sizeof large);
	assert_memory_equal(got, device.response, sizeof large);
	device_answers(error, sizeof error);
	assert_int_equal(transmit(), TSS2_RC_SUCCESS);
	assert_int_equal(receive(), TSS2_RC_SUCCESS);
	assert_int_equal(got_len, sizeof error);
	assert_int_equal(link_fault(), 0);
	assert_int_equal(link_commands(), commands + 4);
}

/* If the buffer is too small, the response can be read again; and the length need not be asked
 * for first. */
static void test_small_buffers(void **state)
{
	(void)state;
	assert_int_equal(transmit(), TSS2_RC_SUCCESS);
	for (size_t n = 0; n < sizeof answer; n++) {
		uint8_t *small = malloc(n);

		got_len = n;
		assert_non_null(small);
		assert_int_equal(Tss2_Tcti_Receive(guard, &got_len, small, 0),
				 TSS2_TCTI_RC_INSUFFICIENT_BUFFER);
		free(small);
	}
	got_len = sizeof answer;
	assert_int_equal(Tss2_Tcti_Receive(guard, &got_len, got, 0), TSS2_RC_SUCCESS);
	assert_int_equal(got_len, sizeof answer);
	assert_memory_equal(got, answer, sizeof answer);
	works();
}

static void test_announced_sizes(void **state)
{
	static const size_t sizes[] = {0, 1, 9, TPM_RESPONSE_MAX + 1, 5000, 65536, SIZE_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		unsigned read_asked = device.read_asked;

		device.announced = sizes[i];
		assert_int_equal(transmit(), TSS2_RC_SUCCESS);
		assert_int_equal(receive(), TSS2_TCTI_RC_IO_ERROR);
		assert_int_equal(device.read_asked, read_asked);
		is_broken(-ERR_TPM_RESPONSE);
	}
}

/* The header says 20 bytes. */
static void test_read_sizes(void **state)
{
	(void)state;
	for (size_t n = 0; n < 2 * sizeof answer; n++) {
		if (n != sizeof answer) {
			device_answers(answer, sizeof answer);
			device.read = n; /* less or more than was announced */
			breaks(-ERR_TPM_RESPONSE);
			if (n >= 10) {
				device_answers(answer, sizeof answer);
				device.announced = device.read = n;
				breaks(-ERR_TPM_RESPONSE);
			}
		}
	}
	device.announced = TPM_RESPONSE_MAX;
	device.read = TPM_RESPONSE_MAX + 1; /* it claims so, but has written less */
	breaks(-ERR_TPM_RESPONSE);
}

static void test_what_is_no_response(void **state)
{
	static const uint8_t tpm12[] = {0x00, 0xc4, 0, 0, 0, 10, 0, 0, 0, 30};
	static const uint8_t sessions[] = {0x80, 0x02, 0, 0, 0, 14, 0, 0, 0, 0, 0, 0, 0, 0};
	static const uint8_t with_body[] = {0x80, 0x01, 0, 0, 0, 12, 0, 0, 1, 1, 0, 0};
	uint8_t garbage[TPM_RESPONSE_MAX];

	(void)state;
	device_answers(tpm12, sizeof tpm12);
	breaks(-ERR_TPM_VERSION);
	device_answers(sessions,
		       sizeof sessions); /* a response with sessions to a command without */
	breaks(-ERR_TPM_RESPONSE);
	device_answers(with_body, sizeof with_body);
	breaks(-ERR_TPM_RESPONSE);
	for (unsigned byte = 0; byte < 256; byte++) {
		memset(garbage, byte, sizeof garbage);
		device_answers(garbage, sizeof garbage - 16 * byte);
		breaks(-ERR_TPM_RESPONSE);
		device_answers_sized(garbage, sizeof garbage - 16 * byte);
		breaks(-ERR_TPM_RESPONSE);
	}
}

static void test_try_again(void **state)
{
	(void)state;
	for (unsigned size_again = 0; size_again < 3; size_again++) {
		for (unsigned read_again = 0; read_again < 3; read_again++) {
			device.size_asked = device.read_asked = 0;
			device.size_again = size_again;
			device.read_again = read_again;
			assert_int_equal(transmit(), TSS2_RC_SUCCESS);
			for (unsigned i = 0; i < size_again + read_again; i++) {
				assert_int_equal(receive(), TSS2_TCTI_RC_TRY_AGAIN);
				assert_int_equal(link_fault(), 0);
			}
			assert_int_equal(receive(), TSS2_RC_SUCCESS);
			assert_int_equal(got_len, sizeof answer);
			assert_memory_equal(got, answer, sizeof answer);
			/* A length that is known is not asked for again. */
			assert_int_equal(device.size_asked, size_again + 1);
			assert_int_equal(device.read_asked, read_again + 1);
		}
	}
	works();
}

/* A response is not checked against the length that was announced for the last one. */
static void test_answer_not_taken(void **state)
{
	uint8_t longer[sizeof answer + 4];

	(void)state;
	memset(longer, 0x42, sizeof longer);
	memcpy(longer, answer, sizeof answer);
	for (unsigned read_again = 0; read_again < 2; read_again++) {
		device_answers(answer, sizeof answer);
		device.read_again = read_again;
		assert_int_equal(transmit(), TSS2_RC_SUCCESS);
		assert_int_equal(Tss2_Tcti_Receive(guard, &got_len, NULL, 0),
				 read_again ? TSS2_TCTI_RC_TRY_AGAIN : TSS2_RC_SUCCESS);
		device_answers_sized(longer, sizeof longer);
		assert_int_equal(transmit(), TSS2_RC_SUCCESS);
		assert_int_equal(receive(), TSS2_RC_SUCCESS);
		assert_int_equal(got_len, sizeof longer);
		assert_memory_equal(got, device.response, sizeof longer);
	}
}

static void test_timeout_is_the_callers(void **state)
{
	(void)state;
	assert_int_equal(transmit(), TSS2_RC_SUCCESS);
	device.timeout = 77;
	assert_int_equal(Tss2_Tcti_Receive(guard, &got_len, NULL, TSS2_TCTI_TIMEOUT_BLOCK),
			 TSS2_RC_SUCCESS);
	assert_int_equal(device.timeout, TSS2_TCTI_TIMEOUT_BLOCK);
	assert_int_equal(receive(), TSS2_RC_SUCCESS);
	assert_int_equal(transmit(), TSS2_RC_SUCCESS);
	device.size_again = 1;
	assert_int_equal(receive(), TSS2_TCTI_RC_TRY_AGAIN);
	assert_int_equal(device.timeout, 0);
}

static void test_transfer_errors(void **state)
{
	static const TSS2_RC errors[] = {TSS2_TCTI_RC_IO_ERROR, TSS2_TCTI_RC_NO_CONNECTION,
					 TSS2_TCTI_RC_BAD_SEQUENCE, TSS2_TCTI_RC_GENERAL_FAILURE};

	(void)state;
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
		device.size_rc = errors[i];
		breaks(-ERR_TPM_UNAVAILABLE);
		device.read_rc = errors[i];
		breaks(-ERR_TPM_UNAVAILABLE);
		device.transmit_rc = errors[i];
		assert_int_equal(transmit(), TSS2_TCTI_RC_IO_ERROR);
		is_broken(-ERR_TPM_UNAVAILABLE);
	}
}

/* The port knows why a transfer failed. */
static void test_transfer_errors_with_a_reason(void **state)
{
	(void)state;
	device.fault = -ERR_TPM_BLOCKED;
	device.size_rc = TSS2_TCTI_RC_IO_ERROR;
	breaks(-ERR_TPM_BLOCKED);
	device.fault = -ERR_TPM_DENIED;
	device.transmit_rc = TSS2_TCTI_RC_IO_ERROR;
	assert_int_equal(transmit(), TSS2_TCTI_RC_IO_ERROR);
	is_broken(-ERR_TPM_DENIED);
}

/* The last response's buffer is wiped once; afterwards it may be used for something else. */
static void test_wipe(void **state)
{
	static const uint8_t zero[sizeof answer];

	(void)state;
	link_wipe(); /* there is no response yet */
	works();
	got[sizeof answer] = 0x11;
	link_wipe();
	assert_memory_equal(got, zero, sizeof answer);
	assert_int_equal(got[sizeof answer], 0x11);
	memset(got, 0xa5, sizeof got);
	link_wipe();
	assert_int_equal(got[0], 0xa5);
	works();
	link_close();
	link_wipe();
	assert_memory_equal(got, answer, sizeof answer);
}

static void test_no_device(void **state)
{
	static const int errors[] = {-ERR_TPM_UNAVAILABLE, -ERR_TPM_VERSION, -ERR_TPM_DENIED,
				     -ERR_TPM_BUSY};
	const char *name;

	(void)state;
	link_close();
	link_close();
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
		device.open_error = errors[i];
		assert_int_equal(link_open(&name), errors[i]);
		assert_null(link_esys());
		assert_int_equal(heap_used(), 0);
	}
	device.open_error = 0;
	open_link();
	works();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_good_responses_pass),
		TEST(test_small_buffers),
		TEST(test_announced_sizes),
		TEST(test_read_sizes),
		TEST(test_what_is_no_response),
		TEST(test_try_again),
		TEST(test_answer_not_taken),
		TEST(test_timeout_is_the_callers),
		TEST(test_transfer_errors),
		TEST(test_transfer_errors_with_a_reason),
		TEST(test_wipe),
		TEST(test_no_device),
	};

	return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
