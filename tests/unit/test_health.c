/* src/service/health.c: what getHealth reports about a TPM. */
#include "unit.h"

#include "err.h"
#include "service/health.h"
#include "tpm/tpm.h"

static struct identity identity;
static unsigned known;
static const char *device;

bool tpm_knows(unsigned facts)
{
	return (known & facts) == facts;
}

const struct identity *tpm_identity(void)
{
	return &identity;
}

const char *tpm_device(void)
{
	return device;
}

uint32_t tpm_commands(void)
{
	return 4294967295U;
}

/* The reply between the status and the end. */
static void says(struct health health, const char *status, const char *want)
{
	char line[1024], whole[1024];
	struct text t = text_in(line, sizeof line - 1);

	health_reply(&health, &t);
	assert_false(t.cut);
	line[t.len] = '\0';
	snprintf(whole, sizeof whole, "{\"status\":%s,\"version\":\"" ATTESTD_VERSION "\",%s}\n",
		 status, want);
	assert_string_equal(line, whole);
}

#define NUMBERS "\"uptime_s\":0,\"requests\":1,\"tpm_commands\":4294967295"
static const struct health fine = {.requests = 1};

static void test_nothing_is_known(void **state)
{
	(void)state;
	says((struct health){.err = -ERR_TPM_UNAVAILABLE, .requests = 1},
	     "\"error\",\"message\":\"no TPM answers: is there one, and is it enabled in the "
	     "firmware?\",\"error\":\"tpm_unavailable\"",
	     "\"device\":null,\"manufacturer\":null,\"firmware\":null,\"ek\":null,"
	     "\"ek_cert_source\":null,\"aik\":null," NUMBERS);
}

static void test_all_is_known(void **state)
{
	(void)state;
	device = "/dev/tpmrm0";
	known = FACT_EK | FACT_AIK_ECC;
	identity.manufacturer = 0x494e5443;
	identity.firmware[0] = 0x00070002;
	identity.firmware[1] = 0xffff0001;
	identity.ek_persistent = true;
	identity.ek_cert_source = "nv";
	says((struct health){.uptime_s = 86400, .requests = 7}, "\"ok\"",
	     "\"device\":\"/dev/tpmrm0\",\"manufacturer\":\"INTC\",\"firmware\":\"7.2.65535.1\","
	     "\"ek\":\"persistent\",\"ek_cert_source\":\"nv\",\"aik\":\"ecc\","
	     "\"uptime_s\":86400,\"requests\":7,\"tpm_commands\":4294967295");
	known |= FACT_AIK_RSA;
	identity.ek_persistent = false;
	identity.ek_cert_source = NULL;
	identity.manufacturer = 0;
	identity.firmware[0] = 0;
	identity.firmware[1] = 0;
	says((struct health){.err = -ERR_TPM_LOCKOUT, .tpm_rc = 0x921, .requests = 1},
	     "\"error\",\"message\":\"the TPM is in dictionary-attack lockout\",\"error\":"
	     "\"tpm_lockout\",\"tpm_rc\":\"0x921\"",
	     "\"device\":\"/dev/"
	     "tpmrm0\",\"manufacturer\":null,\"firmware\":null,\"ek\":\"created\","
	     "\"ek_cert_source\":null,\"aik\":\"ecc,rsa\"," NUMBERS);
}

/* Four characters, as in the TCG's registry of vendors; shorter names are padded with NULs or
 * spaces. */
static void test_manufacturers(void **state)
{
	static const struct {
		uint32_t id;
		const char *want;
	} cases[] = {
		{0x414d4400, "AMD"},  {0x49424d00, "IBM"},  {0x53544d20, "STM"},
		{0x4e544300, "NTC"},  {0x49465800, "IFX"},  {0x51200000, "Q"},
		{0x41204200, "A B"},  {0x22410a5c, "?A??"}, {0x00414243, "?ABC"},
		{0xff414243, "?ABC"}, {0x20202020, ""},
	};

	(void)state;
	known = 0;
	device = NULL;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char want[256];

		identity.manufacturer = cases[i].id;
		snprintf(want, sizeof want,
			 "\"device\":null,\"manufacturer\":\"%s\",\"firmware\":null,\"ek\":null,"
			 "\"ek_cert_source\":null,\"aik\":null," NUMBERS,
			 cases[i].want);
		says(fine, "\"ok\"", want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_known),
		cmocka_unit_test(test_all_is_known),
		cmocka_unit_test(test_manufacturers),
	};

	return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
