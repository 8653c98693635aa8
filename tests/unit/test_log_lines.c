/* src/service/log_lines.c: the text of log lines, which are printable. */
#include "unit.h"

#include "err.h"
#include "service/log_lines.h"

static char line[1024];
static enum port_log_level line_level;
static unsigned lines;
static const char *peer = "pid=7 uid=0";

void port_log(enum port_log_level level, const char *text, size_t n)
{
	assert_true(n < sizeof line);
	memcpy(line, text, n);
	line[n] = '\0';
	line_level = level;
	lines++;
}

void port_peer(unsigned conn, struct port_id *id)
{
	assert_int_equal(conn, 31);
	memset(id, 0xa5, sizeof *id);
	strcpy(id->text, peer);
}

static int setup(void **state)
{
	(void)state;
	lines = 0;
	peer = "pid=7 uid=0";
	log_set_level(PORT_LOG_INFO);
	return 0;
}

static void is_logged(enum port_log_level level, const char *want)
{
	assert_int_equal(lines, 1);
	assert_string_equal(line, want);
	assert_int_equal(line_level, level);
	lines = 0;
}

static void test_events(void **state)
{
	(void)state;
	log_event(PORT_LOG_INFO, "/dev/tpmrm0", 0, 0);
	is_logged(PORT_LOG_INFO, "/dev/tpmrm0");
	log_event(PORT_LOG_WARNING, "TPM", -ERR_TPM_TIMEOUT, 0);
	is_logged(PORT_LOG_WARNING, "TPM: tpm_timeout: the TPM did not answer in time");
	log_event(PORT_LOG_ERROR, "TPM", -ERR_TPM_RC, 0x1df);
	is_logged(PORT_LOG_ERROR, "TPM: tpm_error: the TPM answered with an error tpm_rc=0x1df");
	log_event(PORT_LOG_INFO, "here", 0, 0x000b0143);
	is_logged(PORT_LOG_INFO, "here tpm_rc=0xb0143");
}

static void test_requests(void **state)
{
	(void)state;
	log_request("getEK", 0, 0, 0, 31);
	is_logged(PORT_LOG_INFO, "getEK ok tpm_commands=0 pid=7 uid=0");
	log_request("activateCredential", -ERR_REJECTED, 0x1df, 5, 31);
	is_logged(PORT_LOG_INFO, "activateCredential credential_rejected tpm_rc=0x1df "
				 "tpm_commands=5 pid=7 uid=0");
	log_request("-", -ERR_JSON, 0, 4294967295, 31);
	is_logged(PORT_LOG_INFO, "- bad_json tpm_commands=4294967295 pid=7 uid=0");
}

static void test_levels(void **state)
{
	(void)state;
	for (enum port_log_level limit = PORT_LOG_ERROR; limit <= PORT_LOG_DEBUG; limit++) {
		log_set_level(limit);
		for (enum port_log_level l = PORT_LOG_ERROR; l <= PORT_LOG_DEBUG; l++) {
			assert_int_equal(log_wants(l), l <= limit);
			lines = 0;
			log_event(l, "what", 0, 0);
			assert_int_equal(lines, l <= limit);
		}
		lines = 0;
		log_request("getEK", 0, 0, 0, 31);
		assert_int_equal(lines, limit >= PORT_LOG_INFO);
	}
}

static void test_level_names(void **state)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	static const char *const others[] = {"", "err", "errors", "ERROR", "0", "trace"};
	enum port_log_level level;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(log_level_parse(names[i], &level), 0);
		assert_int_equal(level, i);
	}
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		assert_int_equal(log_level_parse(others[i], &level), -ERR_USAGE);
	}
}

/* It is one line, whatever the text contains. */
static void test_unprintable(void **state)
{
	char what[256];

	(void)state;
	for (unsigned i = 1; i < 256; i++) {
		what[i - 1] = (char)i;
	}
	what[99] = '\0';
	log_event(PORT_LOG_INFO, what, 0, 0);
	assert_int_equal(strlen(line), 99);
	for (size_t i = 0; i < 99; i++) {
		assert_int_equal(line[i], i + 1 < ' ' ? '?' : what[i]);
	}
	for (unsigned i = 120; i < 256; i++) {
		what[i - 120] = (char)i;
	}
	what[136] = '\0';
	log_event(PORT_LOG_INFO, what, 0, 0);
	assert_string_equal(line + 7,
			    "?????????????????????????????????????????????????????????????"
			    "????????????????????????????????????????????????????????????"
			    "????????");
	peer = "pid=7\nforged line\x7f\xff";
	log_request("getEK\r\n", 0, 0, 0, 31);
	assert_string_equal(line, "getEK?? ok tpm_commands=0 pid=7?forged line??");
}

/* A line that is too long is cut. */
static void test_long(void **state)
{
	char what[2000];

	(void)state;
	memset(what, 'x', sizeof what - 1);
	what[sizeof what - 1] = '\0';
	for (size_t n = sizeof what - 1; n > 0; n--) {
		what[n] = '\0';
		log_event(PORT_LOG_INFO, what, -ERR_REJECTED, 0xffffffff);
		assert_true(strlen(line) <= 256);
		log_request(what, -ERR_REJECTED, 0xffffffff, 0xffffffff, 31);
		assert_true(strlen(line) <= 256);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_events, setup),
		cmocka_unit_test_setup(test_requests, setup),
		cmocka_unit_test_setup(test_levels, setup),
		cmocka_unit_test_setup(test_level_names, setup),
		cmocka_unit_test_setup(test_unprintable, setup),
		cmocka_unit_test_setup(test_long, setup),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
