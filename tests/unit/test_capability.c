/* src/tpm/capability.c: responses of TPM2_GetCapability, right and wrong. */
#include "unit.h"

#include "tpm/capability.h"

/* TPM_CAP_TPM_PROPERTIES with one property: TPM_PT_NV_BUFFER_MAX is 0x400. */
static const char PROPERTIES[] = "00000006"
				 "00000001"
				 "0000012c00000400";

static TSS2_RC unmarshal(const char *hex, TPMS_CAPABILITY_DATA *data, size_t *used)
{
	size_t n;
	uint8_t *bytes = unhex(hex, &n);
	uint8_t *buffer = exact(bytes, n);
	TSS2_RC rc;

	*used = 0;
	rc = capability_unmarshal(buffer, n, used, data);
	free(buffer);
	free(bytes);
	return rc;
}

static void test_properties(void **state)
{
	TPMS_CAPABILITY_DATA data;
	size_t used;

	(void)state;
	assert_int_equal(unmarshal(PROPERTIES, &data, &used), TSS2_RC_SUCCESS);
	assert_int_equal(used, 16);
	assert_int_equal(data.capability, TPM2_CAP_TPM_PROPERTIES);
	assert_int_equal(data.data.tpmProperties.count, 1);
	assert_int_equal(data.data.tpmProperties.tpmProperty[0].property, TPM2_PT_NV_BUFFER_MAX);
	assert_int_equal(data.data.tpmProperties.tpmProperty[0].value, 0x400);
}

static void test_handles(void **state)
{
	TPMS_CAPABILITY_DATA data;
	size_t used;

	(void)state;
	assert_int_equal(unmarshal("00000001"
				   "00000002"
				   "01c0010001c00101",
				   &data, &used),
			 TSS2_RC_SUCCESS);
	assert_int_equal(used, 16);
	assert_int_equal(data.capability, TPM2_CAP_HANDLES);
	assert_int_equal(data.data.handles.count, 2);
	assert_int_equal(data.data.handles.handle[0], 0x01c00100);
	assert_int_equal(data.data.handles.handle[1], 0x01c00101);
}

static void test_none(void **state)
{
	TPMS_CAPABILITY_DATA data;
	size_t used;

	(void)state;
	assert_int_equal(unmarshal("0000000600000000", &data, &used), TSS2_RC_SUCCESS);
	assert_int_equal(data.data.tpmProperties.count, 0);
}

static void test_refused(void **state)
{
	static const char *const cases[] = {
		"00000000"
		"00000000", /* TPM_CAP_ALGS, which was not asked for */
		"00000100"
		"0000", /* TPM_CAP_VENDOR_PROPERTY */
		"00000006"
		"ffffffff", /* more than a response can hold */
		"00000006"
		"000000ff"
		"0000012c00000400",
		"00000001" /* TPM_CAP_HANDLES, more than a response can hold */
		"ffffffff",
		"00000001"
		"00000002"
		"01c00100",
		"00000002" /* TPM_CAP_COMMANDS, which was not asked for */
		"00000000",
	};
	TPMS_CAPABILITY_DATA data;
	size_t used;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_not_equal(unmarshal(cases[i], &data, &used), TSS2_RC_SUCCESS);
	}
}

/* Wherever the response is cut off, no byte after that is read. */
static void test_truncated(void **state)
{
	TPMS_CAPABILITY_DATA data;
	char hex[64];
	size_t used;

	(void)state;
	for (size_t n = 0; n < strlen(PROPERTIES); n += 2) {
		memcpy(hex, PROPERTIES, n);
		hex[n] = '\0';
		assert_int_not_equal(unmarshal(hex, &data, &used), TSS2_RC_SUCCESS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_properties), cmocka_unit_test(test_handles),
		cmocka_unit_test(test_none),       cmocka_unit_test(test_refused),
		cmocka_unit_test(test_truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
