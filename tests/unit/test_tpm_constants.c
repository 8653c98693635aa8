/* src/wire/tpm_constants.h: each name stands for the number that tpm2-tss gives it. */
#include "unit.h"

#include "wire/tpm_constants.h"
/* Behind it: from here on the names are those of tpm2-tss. */
#include <tss2/tss2_tpm2_types.h>

#define BOTH(name, value) {#name, (value), (name)},

static const struct {
	const char *name;
	uint32_t ours, theirs;
} constants[] = {TPM_CONSTANTS(BOTH)};

static void same_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof constants / sizeof *constants; i++) {
		if (constants[i].ours != constants[i].theirs) {
			fail_msg("%s is 0x%x, not 0x%x", constants[i].name, constants[i].theirs,
				 constants[i].ours);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_numbers),
	};

	return cmocka_run_group_tests_name("tpm_constants", tests, NULL, NULL);
}
