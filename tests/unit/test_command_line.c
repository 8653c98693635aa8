/* src/service/command_line.c: the command line. */
#include "unit.h"

#include "err.h"
#include "service/command_line.h"

/* ---- a port ------------------------------------------------------------ */

static const char *socket_path, *tpm;

static int set_socket(const char *value)
{
	if (value[0] == '\0') {
		return -ERR_USAGE;
	}
	socket_path = value;
	return 0;
}

static int set_tpm(const char *value)
{
	tpm = value;
	return 0;
}

const struct port_option port_options[] = {
	{"--socket PATH", "where clients come", PORT_SERVE | PORT_CALL, set_socket},
	{"--tpm DEVICE", "the TPM", PORT_SERVE | PORT_ONCE | PORT_PROVISION, set_tpm},
	{"--socket-like X", "begins as another does", PORT_ONCE, set_tpm},
};
const unsigned port_modes = PORT_SERVE | PORT_ONCE | PORT_CALL | PORT_PROVISION;
const size_t port_option_count = sizeof port_options / sizeof *port_options;

static int run(char **args)
{
	(void)args;
	return 0;
}

const struct port_subcommand port_subcommands[] = {
	{"install", "becomes a service", true, run},
	{"uninstall", "is one no more", false, run},
	{NULL, NULL, false, NULL},
};

static char page[4096];
static bool page_is_error, page_fails;

int port_print(bool to_stderr, const char *text, size_t n)
{
	assert_true(strlen(page) + n < sizeof page);
	strncat(page, text, n);
	page_is_error = to_stderr;
	return page_fails ? -ERR_IO : 0;
}

void port_log(enum port_log_level level, const char *text, size_t n)
{
	(void)level;
	(void)text;
	(void)n;
}

void port_peer(unsigned conn, struct port_id *id)
{
	(void)conn;
	(void)id;
}

/* ---- */

static struct options o;
static const char *wrong;

/* Parses "attestd ARGUMENTS", which are apart by '|'; "" is none. */
static int parse(const char *arguments)
{
	static char copy[256];
	static char *argv[16] = {"attestd"}; /* command_args points into it */
	int argc = 1;

	memset(&o, 0xa5, sizeof o);
	wrong = NULL;
	socket_path = tpm = NULL;
	strcpy(copy, arguments);
	for (char *p = copy; arguments[0] != '\0' && p != NULL; argc++) {
		argv[argc] = p;
		p = strchr(p, '|');
		if (p != NULL) {
			*p++ = '\0';
		}
	}
	argv[argc] = NULL;
	return command_line_parse(argc, argv, &o, &wrong);
}

#define ASSERT_OK(arguments) assert_int_equal(parse(arguments), 0)

static void is_wrong(const char *arguments, const char *which)
{
	assert_int_equal(parse(arguments), -ERR_USAGE);
	assert_non_null(wrong);
	assert_string_equal(wrong, which);
}

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
	is_wrong("serve|serve", "serve"); /* the second is a request */
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
	ASSERT_OK("--tpm|--socket"); /* a value may look like anything */
	assert_string_equal(tpm, "--socket");
	ASSERT_OK("--tpm=");
	assert_string_equal(tpm, "");
	ASSERT_OK("--tpm=a|--tpm=b"); /* the last counts */
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
	is_wrong("--socket-like=y", "--socket-like=y"); /* once's only */
	is_wrong("-s", "-s");
	is_wrong("-", "-");
	is_wrong("--", "--");
	is_wrong("--=x", "--=x");
	is_wrong("--help=yes", "--help=yes");
	is_wrong("--versions", "--versions");
	is_wrong("--tpm=a|--bad|--tpm=b", "--bad");
	assert_string_equal(tpm, "a");
	/* A value that is missing, or that the port does not want. */
	is_wrong("--socket", "--socket");
	is_wrong("serve|--tpm=x|--log-level", "--log-level");
	is_wrong("--socket=", "--socket=");
	is_wrong("--socket|", "--socket");
}

/* A command of the port's takes the options of serve, or none. */
static void test_commands_of_the_port(void **state)
{
	(void)state;
	ASSERT_OK("install");
	assert_ptr_equal(o.command, &port_subcommands[0]);
	assert_null(o.command_args[0]);
	ASSERT_OK("install|--socket|/run/a|--log-level=debug");
	assert_ptr_equal(o.command, &port_subcommands[0]);
	assert_string_equal(o.command_args[0], "--socket");
	assert_string_equal(o.command_args[2], "--log-level=debug");
	assert_null(o.command_args[3]);
	assert_string_equal(socket_path, "/run/a");
	ASSERT_OK("uninstall");
	assert_ptr_equal(o.command, &port_subcommands[1]);
	ASSERT_OK("uninstall|--help");
	assert_true(o.help);
	is_wrong("install|--socket-like=y", "--socket-like=y"); /* once's */
	is_wrong("install|--socket=", "--socket=");
	is_wrong("install|now", "now");
	is_wrong("uninstall|--socket=x", "--socket=x");
	is_wrong("uninstall|--log-level=info", "--log-level=info");
	is_wrong("--tpm=x|install", "install");
	ASSERT_OK("serve");
	assert_null(o.command);
}

/* Its own options, which take no value, are nobody else's. */
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

/* The request is of these words, apart by '|'. */
static void words_are(const char *words)
{
	char got[256] = "";

	for (size_t i = 0; i < o.word_count; i++) {
		strcat(strcat(got, i == 0 ? "" : "|"), o.words[i]);
	}
	assert_string_equal(got, words);
}

static void test_request(void **state)
{
	(void)state;
	ASSERT_OK("call|getEK");
	words_are("getEK");
	ASSERT_OK("call|{\"command\":\"getEK\"}|--socket=x");
	words_are("{\"command\":\"getEK\"}");
	assert_string_equal(socket_path, "x");
	ASSERT_OK("call|--socket|x|getEK");
	words_are("getEK");
	ASSERT_OK("call");
	words_are("");
	is_wrong("serve|getEK", "getEK");
	is_wrong("once|getEK", "getEK");
	is_wrong("getEK", "getEK");
	is_wrong("once|quote|nonce=x", "quote");
}

/* A command's name, and NAME=VALUE each. */
static void test_request_of_words(void **state)
{
	(void)state;
	ASSERT_OK("call|quote|nonce=AA==|pcrs=0-7|aik=rsa");
	words_are("quote|nonce=AA==|pcrs=0-7|aik=rsa");
	ASSERT_OK("call|--socket=x|quote|--member|quoted|a=|--socket|y|aa==");
	words_are("quote|a=|aa==");
	assert_string_equal(o.member, "quoted");
	assert_string_equal(socket_path, "y");
	ASSERT_OK("call|a=b|commands=c|Command=d|comman=e"); /* the first is a command's name */
	words_are("a=b|commands=c|Command=d|comman=e");
	ASSERT_OK("call||a={");
	words_are("|a={");
	is_wrong("call|getEK|getEK2", "getEK2");
	is_wrong("call|getEK|", "");
	is_wrong("call|getEK|=", "=");
	is_wrong("call|getEK|=x", "=x");
	is_wrong("call|getEK|a=1|{\"b\":1}", "{\"b\":1}");
	is_wrong("call|getEK|a=1|b=2|a=3", "a=3");
	is_wrong("call|getEK|a=|a=", "a=");
	is_wrong("call|getEK|command=getEK", "command=getEK");
	is_wrong("call|getEK|command=", "command=");
	is_wrong("call|{\"command\":\"getEK\"}|a=1", "a=1");
	is_wrong("call|{|a=1", "a=1");
	is_wrong("call|getEK|a=1|-b=2", "-b=2");
}

/* As many members as a request may have, and one more. */
static void test_too_many_words(void **state)
{
	static char words[MEMBERS_MAX + 1][8];
	char *argv[MEMBERS_MAX + 4] = {"attestd", "call"};
	int argc = 2;

	(void)state;
	for (int i = 0; i <= MEMBERS_MAX; i++) {
		snprintf(words[i], sizeof words[i], i == 0 ? "name" : "m%d=", i);
		argv[argc++] = words[i];
	}
	assert_int_equal(command_line_parse(argc, argv, &o, &wrong), -ERR_USAGE);
	assert_ptr_equal(wrong, words[MEMBERS_MAX]);
	argv[--argc] = NULL;
	assert_int_equal(command_line_parse(argc, argv, &o, &wrong), 0);
	assert_int_equal(o.word_count, MEMBERS_MAX);
	assert_ptr_equal(o.words[0], words[0]);
	assert_ptr_equal(o.words[MEMBERS_MAX - 1], words[MEMBERS_MAX - 1]);
}

static void test_member(void **state)
{
	(void)state;
	ASSERT_OK("call|--member|status|getEK");
	assert_string_equal(o.member, "status");
	ASSERT_OK("call|getEK|--member=a=b");
	assert_string_equal(o.member, "a=b");
	ASSERT_OK("call|--member=a|--member=b");
	assert_string_equal(o.member, "b");
	ASSERT_OK("call|--member|--member");
	assert_string_equal(o.member, "--member");
	is_wrong("call|--member", "--member");
	is_wrong("call|--member=", "--member=");
	is_wrong("call|--member|", "--member");
	is_wrong("call|--member=a\\b", "--member=a\\b");
	is_wrong("call|--member=\\", "--member=\\");
	is_wrong("serve|--member=a", "--member=a");
	is_wrong("once|--member=a", "--member=a");
	is_wrong("install|--member=a", "--member=a");
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

/* The usage names each mode and option, and which mode has it. */
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
		assert_true(has("  install\n        becomes a service\n"));
		assert_true(has("  uninstall\n"));
		assert_true(has("  --socket PATH  (serve, call)\n        where clients come\n"));
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
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_request_of_words),
		cmocka_unit_test(test_too_many_words),
		cmocka_unit_test(test_member),
		cmocka_unit_test(test_help_and_version),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_commands_of_the_port),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
