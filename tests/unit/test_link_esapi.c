/* src/tpm/link.c with ESAPI: what ESAPI does after faults, and that it frees its memory. */
#include "fake_device.h"

#include <tss2/tss2_sys.h>

#include "bounds.h"
#include "tpm/heap.h"
#include "tpm/link.h"

/* TPM2_GetCapability's response: TPM_PT_NV_BUFFER_MAX is 0x400. */
static const uint8_t capability[] = {0x80, 0x01, 0, 0, 0, 27, 0, 0, 0,    0, 1, 0, 0, 0,
				     6,    0,    0, 0, 1, 0,  0, 1, 0x2c, 0, 0, 4, 0};
/* TPM2_NV_ReadPublic's: index 0x01c00002, SHA-256, no policy, 20 bytes; its Name. */
static const uint8_t nv_public[] = {
	0x80, 0x01, 0,    0,    0,    62,   0,    0,    0,    0,    0x00, 0x0e, 0x01,
	0xc0, 0,    2,    0x00, 0x0b, 0x62, 0x07, 0x20, 0x08, 0x00, 0x00, 0x00, 20,
	0x00, 0x22, 0x00, 0x0b, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11,
	0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11,
	0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11};

static int setup(void **state)
{
	const char *name;

	(void)state;
	memset(&device, 0, sizeof device);
	device_answers(capability, sizeof capability);
	assert_int_equal(link_open(&name), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	link_close();
	assert_int_equal(device.opened, device.closed);
	assert_int_equal(heap_used(), 0);
	return 0;
}

static TSS2_RC ask(void)
{
	return Esys_GetCapability_Async(link_esys(), ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
					TPM2_CAP_TPM_PROPERTIES, TPM2_PT_NV_BUFFER_MAX, 1);
}

/* Takes the response. If ESAPI accepts it, it must be the right one. */
static TSS2_RC take(void)
{
	TPMS_CAPABILITY_DATA *data = NULL;
	TPMI_YES_NO more;
	TSS2_RC rc = Esys_GetCapability_Finish(link_esys(), &more, &data);

	if (rc == TSS2_RC_SUCCESS) {
		assert_int_equal(more, 1);
		assert_int_equal(data->capability, TPM2_CAP_TPM_PROPERTIES);
		assert_int_equal(data->data.tpmProperties.count, 1);
		assert_int_equal(data->data.tpmProperties.tpmProperty[0].property,
				 TPM2_PT_NV_BUFFER_MAX);
		assert_int_equal(data->data.tpmProperties.tpmProperty[0].value, 0x400);
		Esys_Free(data);
	}
	return rc;
}

static void works(void)
{
	device_answers(capability, sizeof capability);
	assert_int_equal(ask(), TSS2_RC_SUCCESS);
	assert_int_equal(take(), TSS2_RC_SUCCESS);
	assert_int_equal(link_fault(), 0);
}

static void heal(void)
{
	const char *name;

	link_close();
	assert_int_equal(heap_used(), 0);
	assert_int_equal(link_open(&name), 0);
	works();
}

static void answers_error(uint32_t rc)
{
	uint8_t error[] = {0x80, 0x01, 0, 0, 0, 10, 0, 0, (uint8_t)(rc >> 8), (uint8_t)rc};

	device_answers(error, sizeof error);
}

static void test_commands(void **state)
{
	uint32_t commands = link_commands();

	(void)state;
	for (unsigned i = 1; i <= 100; i++) {
		works();
		assert_int_equal(link_commands(), commands + i);
		assert_int_equal(device.transmitted, i);
	}
}

/* ESAPI does not wait for the TPM. */
static void test_never_blocks(void **state)
{
	(void)state;
	assert_int_equal(ask(), TSS2_RC_SUCCESS);
	device.size_again = 2;
	device.read_again = 2;
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(take() & 0xffff, TSS2_BASE_RC_TRY_AGAIN);
		assert_int_equal(device.timeout, TSS2_TCTI_TIMEOUT_NONE);
	}
	assert_int_equal(take(), TSS2_RC_SUCCESS);
	works();
}

static void test_errors_of_the_tpm_pass(void **state)
{
	static const uint32_t errors[] = {0x100, 0x101, 0x143, 0x185, 0x1df, 0x921, 0x9a2};

	(void)state;
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
		answers_error(errors[i]);
		assert_int_equal(ask(), TSS2_RC_SUCCESS);
		assert_int_equal(take(), errors[i]);
		assert_int_equal(link_fault(), 0);
		works();
	}
}

/* ESAPI itself sends a command again after TPM_RC_RETRY. */
static void test_retry_is_sent_again(void **state)
{
	uint32_t commands = link_commands();

	(void)state;
	answers_error(0x922);
	assert_int_equal(ask(), TSS2_RC_SUCCESS);
	assert_int_equal(take() & 0xffff, TSS2_BASE_RC_TRY_AGAIN);
	device_answers(capability, sizeof capability);
	assert_int_equal(take(), TSS2_RC_SUCCESS);
	assert_int_equal(link_commands(), commands + 2);
}

/* ESAPI cannot go on after these; with a new link it can. */
static void test_broken_and_healed(void **state)
{
	static const uint8_t tpm12[] = {0x00, 0xc4, 0, 0, 0, 10, 0, 0, 0, 30};

	(void)state;
	device_answers(tpm12, sizeof tpm12);
	assert_int_equal(ask(), TSS2_RC_SUCCESS);
	assert_int_equal(take(), TSS2_TCTI_RC_IO_ERROR);
	assert_int_equal(link_fault(), -ERR_TPM_VERSION);
	assert_int_equal(ask(), TSS2_ESYS_RC_BAD_SEQUENCE);
	heal();
	device.transmit_rc = TSS2_TCTI_RC_IO_ERROR;
	assert_int_equal(ask(), TSS2_TCTI_RC_IO_ERROR);
	assert_int_equal(link_fault(), -ERR_TPM_UNAVAILABLE);
	device.transmit_rc = TSS2_RC_SUCCESS;
	assert_int_equal(ask(), TSS2_ESYS_RC_BAD_SEQUENCE);
	heal();
	/* And in the middle of a command. */
	assert_int_equal(ask(), TSS2_RC_SUCCESS);
	heal();
}

/* ESAPI's objects are freed with its context. */
static void test_objects_do_not_leak(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		ESYS_TR index = ESYS_TR_NONE;
		size_t before = heap_used();

		device_answers(nv_public, sizeof nv_public);
		assert_int_equal(Esys_TR_FromTPMPublic_Async(link_esys(), 0x01c00002 + i,
							     ESYS_TR_NONE, ESYS_TR_NONE,
							     ESYS_TR_NONE),
				 TSS2_RC_SUCCESS);
		assert_int_equal(Esys_TR_FromTPMPublic_Finish(link_esys(), &index),
				 TSS2_RC_SUCCESS);
		assert_true(heap_used() > before);
		if (i % 2 == 0) {
			assert_int_equal(Esys_TR_Close(link_esys(), &index), TSS2_RC_SUCCESS);
			assert_int_equal(heap_used(), before);
		}
	}
}

/* Whichever byte of a response is changed, ESAPI frees its memory. */
static void test_damaged_responses_do_not_leak(void **state)
{
	(void)state;
	for (size_t at = 0; at < sizeof nv_public; at++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			ESYS_TR index = ESYS_TR_NONE;
			size_t before = heap_used();
			TSS2_RC rc;

			device_answers(nv_public, sizeof nv_public);
			device.response[at] ^= 1 << bit;
			assert_int_equal(Esys_TR_FromTPMPublic_Async(link_esys(), 0x01c00002,
								     ESYS_TR_NONE, ESYS_TR_NONE,
								     ESYS_TR_NONE),
					 TSS2_RC_SUCCESS);
			rc = Esys_TR_FromTPMPublic_Finish(link_esys(), &index);
			if (rc == TSS2_RC_SUCCESS) {
				Esys_TR_Close(link_esys(), &index);
				assert_int_equal(heap_used(), before);
			} else {
				heal(); /* heap_used() is looked at there */
			}
		}
	}
}

static void test_wipe_reaches_esapis_buffer(void **state)
{
	static const uint8_t zero[sizeof capability];
	TSS2_SYS_CONTEXT *sys = NULL;
	const uint8_t *parameters = NULL;
	size_t n;

	(void)state;
	works();
	assert_int_equal(Esys_GetSysContext(link_esys(), &sys), TSS2_RC_SUCCESS);
	assert_int_equal(Tss2_Sys_GetRpBuffer(sys, &n, &parameters), TSS2_RC_SUCCESS);
	assert_memory_equal(parameters, capability + 10, sizeof capability - 10);
	link_wipe();
	assert_memory_equal(parameters - 10, zero, sizeof capability);
	works();
}

static void test_out_of_memory(void **state)
{
	static void *blocks[HEAP_MAX / 64];
	const char *name;
	size_t count = 0;

	(void)state;
	link_close();
	for (size_t n = 4096; n >= 64; n /= 2) {
		while ((blocks[count] = heap_malloc(n)) != NULL) {
			count++;
		}
	}
	while (count > 0) {
		size_t before = heap_used();
		int r = link_open(&name);

		if (r == 0) {
			break; /* there is enough again */
		}
		assert_int_equal(r, -ERR_MEMORY);
		assert_null(link_esys());
		assert_int_equal(heap_used(), before);
		assert_int_equal(device.opened, device.closed);
		heap_free(blocks[--count]);
	}
	assert_non_null(link_esys());
	while (count > 0) {
		heap_free(blocks[--count]);
	}
	works();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_commands),
		TEST(test_never_blocks),
		TEST(test_errors_of_the_tpm_pass),
		TEST(test_retry_is_sent_again),
		TEST(test_broken_and_healed),
		TEST(test_objects_do_not_leak),
		TEST(test_damaged_responses_do_not_leak),
		TEST(test_wipe_reaches_esapis_buffer),
		TEST(test_out_of_memory),
	};

	return cmocka_run_group_tests_name("link_esapi", tests, NULL, NULL);
}
