/* src/tpm/response_code.c: the meaning of response codes. Most of them were met in the field
 * (FIELD.md). */
#include "unit.h"

#include "err.h"
#include "tpm/response_code.h"

enum { RETRY = 1, NO_HANDLE = 2, AUTH = 4, ONCE_MORE = 8, PARAMETER = 16 };

static const struct {
	TSS2_RC rc;
	TSS2_RC base;
	enum err err;
	unsigned is;
} codes[] = {
	/* Format one: the number of the handle, session or parameter does not matter. */
	{0x185, 0x085, ERR_TPM_HIERARCHY, 0}, /* handle 1 */
	{0x285, 0x085, ERR_TPM_HIERARCHY, 0},
	{0x18b, 0x08b, ERR_TPM_RC, NO_HANDLE},
	{0x28b, 0x08b, ERR_TPM_RC, NO_HANDLE},
	{0x9a2, 0x0a2, ERR_TPM_AUTH, AUTH}, /* session 1 */
	{0x98e, 0x08e, ERR_TPM_AUTH, AUTH},
	{0xa8e, 0x08e, ERR_TPM_AUTH, AUTH}, /* session 2 */
	{0x99d, 0x09d, ERR_TPM_RC, 0}, /* POLICY_FAIL */
	{0x1d5, 0x095, ERR_TPM_RC, PARAMETER}, /* parameter 1: SIZE */
	{0x1da, 0x09a, ERR_TPM_RC, PARAMETER}, /* INSUFFICIENT */
	{0x1df, 0x09f, ERR_TPM_RC, PARAMETER}, /* INTEGRITY */
	{0x2d5, 0x095, ERR_TPM_RC, PARAMETER},
	{0x2e7, 0x0a7, ERR_TPM_RC, PARAMETER}, /* ECC_POINT */
	/* Format zero. */
	{0x100, 0x100, ERR_TPM_NOT_STARTED, 0},
	{0x101, 0x101, ERR_TPM_FAILURE, 0},
	{0x124, 0x124, ERR_TPM_RC, 0}, /* AUTH_TYPE */
	{0x12d, 0x12d, ERR_TPM_UPGRADE, 0},
	{0x12f, 0x12f, ERR_TPM_AUTH, AUTH},
	{0x130, 0x130, ERR_TPM_FAILURE, 0}, /* REBOOT */
	{0x143, 0x143, ERR_TPM_RC, 0}, /* COMMAND_CODE */
	{0x146, 0x146, ERR_TPM_RC, PARAMETER}, /* NV_RANGE */
	{0x148, 0x148, ERR_TPM_RC, AUTH}, /* NV_LOCKED */
	{0x149, 0x149, ERR_TPM_RC, AUTH}, /* NV_AUTHORIZATION */
	{0x14a, 0x14a, ERR_TPM_RC, 0}, /* NV_UNINITIALIZED */
	/* Warnings. */
	{0x901, 0x901, ERR_TPM_GAP, 0},
	{0x902, 0x902, ERR_TPM_FULL, 0},
	{0x903, 0x903, ERR_TPM_FULL, 0},
	{0x904, 0x904, ERR_TPM_FULL, 0},
	{0x905, 0x905, ERR_TPM_FULL, 0},
	{0x906, 0x906, ERR_TPM_FULL, 0},
	{0x908, 0x908, ERR_TPM_RC, RETRY}, /* YIELDED */
	{0x909, 0x909, ERR_TPM_CANCELED, ONCE_MORE},
	{0x90a, 0x90a, ERR_TPM_RC, RETRY}, /* TESTING */
	{0x90f, 0x90f, ERR_TPM_RC, 0},
	{0x910, 0x910, ERR_TPM_RC, ONCE_MORE}, /* REFERENCE_H0 */
	{0x916, 0x916, ERR_TPM_RC, ONCE_MORE}, /* REFERENCE_H6 */
	{0x917, 0x917, ERR_TPM_RC, 0},
	{0x918, 0x918, ERR_TPM_RC, ONCE_MORE}, /* REFERENCE_S0: a session, in the session area */
	{0x91e, 0x91e, ERR_TPM_RC, ONCE_MORE}, /* REFERENCE_S6 */
	{0x91f, 0x91f, ERR_TPM_RC, 0},
	{0x920, 0x920, ERR_TPM_RC, RETRY}, /* NV_RATE */
	{0x921, 0x921, ERR_TPM_LOCKOUT, 0},
	{0x922, 0x922, ERR_TPM_RC, RETRY},
	{0x923, 0x923, ERR_TPM_RC, 0}, /* NV_UNAVAILABLE */
};
#define CODES (sizeof codes / sizeof *codes)

static void check(size_t i, TSS2_RC rc)
{
	if (rc_tpm(rc) != codes[i].rc || rc_base(rc) != codes[i].base ||
	    rc_error(rc) != -(int)codes[i].err || !rc_is_tpm(rc) ||
	    rc_is_retry(rc) != !!(codes[i].is & RETRY) ||
	    rc_is_no_handle(rc) != !!(codes[i].is & NO_HANDLE) ||
	    rc_is_once_more(rc) != !!(codes[i].is & ONCE_MORE) ||
	    rc_is_about_parameter(rc) != !!(codes[i].is & PARAMETER) ||
	    rc_is_auth(rc) != !!(codes[i].is & AUTH)) {
		fail_msg("0x%x: tpm 0x%x base 0x%x %s, from the TPM %d retry %d no handle %d auth "
			 "%d",
			 rc, rc_tpm(rc), rc_base(rc), err_name(rc_error(rc)), rc_is_tpm(rc),
			 rc_is_retry(rc), rc_is_no_handle(rc), rc_is_auth(rc));
	}
}

static void test_codes(void **state)
{
	(void)state;
	for (size_t i = 0; i < CODES; i++) {
		check(i, codes[i].rc);
	}
}

/* The kernel's resource manager answers some commands itself, with 0x000b0143. */
static void test_codes_from_the_resource_manager(void **state)
{
	(void)state;
	for (size_t i = 0; i < CODES; i++) {
		check(i, 0x000b0000 | codes[i].rc);
		check(i, 0x000c0000 | codes[i].rc);
	}
}

/* Codes of the library are not the TPM's. */
static void test_other_layers(void **state)
{
	(void)state;
	assert_false(rc_is_tpm(0));
	for (TSS2_RC layer = 1; layer < 256; layer++) {
		bool resource_manager = layer == 0x0b || layer == 0x0c;

		assert_int_equal(rc_is_tpm(layer << 16 | 0x09), resource_manager);
		assert_int_equal(rc_is_tpm(layer << 16 | 0x922), resource_manager);
	}
	assert_false(rc_is_tpm(RC_NOT_YET));
	assert_int_equal(rc_error(RC_NOT_YET), -ERR_RANDOM);
	assert_false(rc_is_tpm(TSS2_TCTI_RC_TRY_AGAIN));
	assert_false(rc_is_tpm(TSS2_ESYS_RC_MEMORY));
	assert_false(rc_is_tpm(TSS2_SYS_RC_MALFORMED_RESPONSE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_codes_from_the_resource_manager),
		cmocka_unit_test(test_other_layers),
	};

	return cmocka_run_group_tests_name("rc", tests, NULL, NULL);
}
