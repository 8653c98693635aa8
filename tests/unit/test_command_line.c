/* src/service/command_line.c: modes, options and the usage. */
#include "command_line_port.h"

static void test_defaults(void **state)
{
	(void)state;
	ASSERT_OK("");
	assert_int_equal(o.mode, PORT_SERVE);
	assert_int_equal(o.log_level, PORT_LOG_INFO);
	assert_int_equal(o.grace_ms, 5000);
	assert_int_equal(o.word_count, 0);
	assert_null(o.member);
	assert_false(o.help);
	assert_false(o.version);
	assert_null(socket_path);
}

static void test_modes(void **state)
{
	(void)state;
	ASSERT_OK("serve");
	assert_int_equal(o.mode, PORT_SERVE);
	ASSERT_OK("once");
	assert_int_equal(o.mode, PORT_ONCE);
	ASSERT_OK("call");
	assert_int_equal(o.mode, PORT_CALL);
	is_wrong("server", "server");
	is_wrong("serve|serve", "serve"); /* the second one is taken for a request */
	is_wrong("--tpm|x|once", "once");
	is_wrong("Serve", "Serve");
	is_wrong("serv", "serv");
}

static void test_values(void **state)
{
	(void)state;
	ASSERT_OK("--socket|/run/a");
	assert_string_equal(socket_path, "/run/a");
	ASSERT_OK("serve|--socket=/run/b");
	assert_string_equal(socket_path, "/run/b");
	ASSERT_OK("serve|--socket=/run/b=c");
	assert_string_equal(socket_path, "/run/b=c");
	ASSERT_OK("--tpm|/dev/tpm0|--socket=x|--log-level|debug");
	assert_string_equal(tpm, "/dev/tpm0");
	assert_string_equal(socket_path, "x");
	assert_int_equal(o.log_level, PORT_LOG_DEBUG);
	ASSERT_OK("--tpm|--socket"); /* a value may look like an option */
	assert_string_equal(tpm, "--socket");
	ASSERT_OK("--tpm=");
	assert_string_equal(tpm, "");
	ASSERT_OK("--tpm=a|--tpm=b"); /* the last one counts */
	assert_string_equal(tpm, "b");
	ASSERT_OK("once|--socket-like=y");
	assert_string_equal(tpm, "y");
}

static void test_wait(void **state)
{
	static const struct {
		const char *arguments;
		uint32_t ms;
	} right[] = {{"--wait|0", 0},
		     {"--wait=1", 1000},
		     {"serve|--wait|060", 60000},
		     {"once|--wait=600", 600000}};
	static const char *const wrong_ones[] = {"601", "1000", "0600", "4294967296", "-1",
						 "",    "5s",   "1.5",  " 5",         "+5"};
	char arguments[64];

	(void)state;
	for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
		ASSERT_OK(right[i].arguments);
		assert_int_equal(o.grace_ms, right[i].ms);
	}
	for (size_t i = 0; i < sizeof wrong_ones / sizeof *wrong_ones; i++) {
		snprintf(arguments, sizeof arguments, "once|--wait=%s", wrong_ones[i]);
		assert_int_equal(parse(arguments), -ERR_USAGE);
	}
	is_wrong("call|--wait|5", "--wait");
}

static void test_log_levels(void **state)
{
	static const struct {
		const char *arguments;
		enum port_log_level level;
	} levels[] = {
		{"--log-level=error", PORT_LOG_ERROR},
		{"once|--log-level=warning", PORT_LOG_WARNING},
		{"--log-level|info", PORT_LOG_INFO},
		{"--log-level=debug", PORT_LOG_DEBUG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
		ASSERT_OK(levels[i].arguments);
		assert_int_equal(o.log_level, levels[i].level);
	}
	is_wrong("--log-level=", "--log-level=");
	is_wrong("--log-level=loud", "--log-level=loud");
	is_wrong("--log-level|Error", "--log-level");
	is_wrong("--log-level=errors", "--log-level=errors");
}

static void test_wrong_options(void **state)
{
	(void)state;
	is_wrong("--sock|x", "--sock");
	is_wrong("--socketx|x", "--socketx");
	is_wrong("--socket-like=y", "--socket-like=y"); /* an option of once only */
	is_wrong("-s", "-s");
	is_wrong("-", "-");
	is_wrong("--", "--");
	is_wrong("--=x", "--=x");
	is_wrong("--help=yes", "--help=yes");
	is_wrong("--versions", "--versions");
	is_wrong("--tpm=a|--bad|--tpm=b", "--bad");
	assert_string_equal(tpm, "a");
	/* The value is missing, or the port refuses it. */
	is_wrong("--socket", "--socket");
	is_wrong("serve|--tpm=x|--log-level", "--log-level");
	is_wrong("--socket=", "--socket=");
	is_wrong("--socket|", "--socket");
}

/* A subcommand of the port takes the options of serve, or none. */
static void test_commands_of_the_port(void **state)
{
	(void)state;
	ASSERT_OK("install");
	assert_ptr_equal(o.subcommand, &port_subcommands[0]);
	assert_null(o.subcommand_args[0]);
	ASSERT_OK("install|--socket|/run/a|--log-level=debug");
	assert_ptr_equal(o.subcommand, &port_subcommands[0]);
	assert_string_equal(o.subcommand_args[0], "--socket");
	assert_string_equal(o.subcommand_args[2], "--log-level=debug");
	assert_null(o.subcommand_args[3]);
	assert_string_equal(socket_path, "/run/a");
	ASSERT_OK("uninstall");
	assert_ptr_equal(o.subcommand, &port_subcommands[1]);
	ASSERT_OK("uninstall|--help");
	assert_true(o.help);
	is_wrong("install|--socket-like=y", "--socket-like=y"); /* an option of once */
	is_wrong("install|--socket=", "--socket=");
	is_wrong("install|now", "now");
	is_wrong("uninstall|--socket=x", "--socket=x");
	is_wrong("uninstall|--log-level=info", "--log-level=info");
	is_wrong("--tpm=x|install", "install");
	ASSERT_OK("serve");
	assert_null(o.subcommand);
}

/* provision has options of its own, which take no value; no other mode has them. */
static void test_provision(void **state)
{
	(void)state;
	ASSERT_OK("provision");
	assert_int_equal(o.mode, PORT_PROVISION);
	assert_false(o.undo || o.dry_run);
	ASSERT_OK("provision|--undo|--tpm=x|--wait|7|--log-level=error");
	assert_true(o.undo && !o.dry_run);
	assert_string_equal(tpm, "x");
	assert_int_equal(o.grace_ms, 7000);
	assert_int_equal(o.log_level, PORT_LOG_ERROR);
	ASSERT_OK("provision|--dry-run|--undo");
	assert_true(o.undo && o.dry_run);
	ASSERT_OK("provision|--dry-run");
	assert_true(!o.undo && o.dry_run);
	is_wrong("provision|--undo=yes", "--undo=yes");
	is_wrong("provision|--undone", "--undone");
	is_wrong("provision|--dry", "--dry");
	is_wrong("provision|undo", "undo");
	is_wrong("provision|--socket=x", "--socket=x");
	is_wrong("--undo", "--undo");
	is_wrong("serve|--dry-run", "--dry-run");
	is_wrong("once|--undo", "--undo");
	is_wrong("call|--undo", "--undo");
	is_wrong("install|--undo", "--undo");
}

static void test_options_of_other_modes(void **state)
{
	(void)state;
	is_wrong("once|--socket=x", "--socket=x");
	is_wrong("call|--tpm=x", "--tpm=x");
	is_wrong("call|--log-level=info", "--log-level=info");
	is_wrong("once|--socket|x", "--socket");
	assert_null(socket_path);
	assert_null(tpm);
}

static void test_help_and_version(void **state)
{
	(void)state;
	ASSERT_OK("--help");
	assert_true(o.help);
	assert_false(o.version);
	ASSERT_OK("call|--socket|x|--version");
	assert_true(o.version);
	assert_false(o.help);
	is_wrong("--help|--bad", "--bad");
}

static bool has(const char *text)
{
	return strstr(page, text) != NULL;
}

/* The usage names each mode, and each option with its modes. */
static void test_usage(void **state)
{
	(void)state;
	for (unsigned is_error = 0; is_error < 2; is_error++) {
		page[0] = '\0';
		page_fails = is_error;
		assert_int_equal(command_line_usage(is_error), is_error ? -ERR_IO : 0);
		assert_int_equal(page_is_error, is_error);
		assert_true(has("usage: attestd [MODE] [OPTION]... [REQUEST]\n"));
		assert_true(has("  serve\n") && has("  once\n") && has("  call\n"));
		assert_true(has("  provision\n") && has("  --undo  (provision)\n") &&
			    has("  --dry-run  (provision)\n"));
		assert_true(has("  install\n        installs the service\n"));
		assert_true(has("  uninstall\n"));
		assert_true(has("  --socket PATH  (serve, call)\n        the socket's path\n"));
		assert_true(has("  --tpm DEVICE  (serve, once, provision)\n        the TPM\n"));
		assert_true(has("  --socket-like X  (once)\n"));
		assert_true(has("  --member NAME  (call)\n"));
		assert_true(has("  --wait SECONDS  (serve, once, provision)\n"));
		assert_true(has("  --log-level LEVEL  (serve, once, provision)\n"));
		assert_true(has("  --help, --version\n"));
		assert_int_equal(page[strlen(page) - 1], '\n');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_log_levels),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_wrong_options),
		cmocka_unit_test(test_provision),
		cmocka_unit_test(test_options_of_other_modes),
		cmocka_unit_test(test_help_and_version),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_commands_of_the_port),
	};

	return cmocka_run_group_tests_name("command_line", tests, NULL, NULL);
}
