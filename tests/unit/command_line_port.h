/*
 * For the tests of src/service/command_line.c: a port with options and subcommands of
 * its own, and the parsing of a command line.
 */
#ifndef TESTS_COMMAND_LINE_PORT_H
#define TESTS_COMMAND_LINE_PORT_H

#include "unit.h"

#include "err.h"
#include "service/command_line.h"

/* ---- a port ------------------------------------------------------------ */

static const char *socket_path, *tpm;

static inline int set_socket(const char *value)
{
	if (value[0] == '\0') {
		return -ERR_USAGE;
	}
	socket_path = value;
	return 0;
}

static inline int set_tpm(const char *value)
{
	tpm = value;
	return 0;
}

const struct port_option port_options[] = {
	{"--socket PATH", "the socket's path", PORT_SERVE | PORT_CALL, set_socket},
	{"--tpm DEVICE", "the TPM", PORT_SERVE | PORT_ONCE | PORT_PROVISION, set_tpm},
	{"--socket-like X", "the same beginning as another option", PORT_ONCE, set_tpm},
};
const unsigned port_modes = PORT_SERVE | PORT_ONCE | PORT_CALL | PORT_PROVISION;
const size_t port_option_count = sizeof port_options / sizeof *port_options;

static inline int run(char **args)
{
	(void)args;
	return 0;
}

const struct port_subcommand port_subcommands[] = {
	{"install", "installs the service", true, run},
	{"uninstall", "removes the service", false, run},
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

/* ---- the parsing --------------------------------------------------------- */

static struct options o;
static const char *wrong;

/* Parses "attestd ARGUMENTS". The arguments are separated by '|'; "" means none. */
static inline int parse(const char *arguments)
{
	static char copy[256];
	static char *argv[16] = {"attestd"}; /* subcommand_args points into it */
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

static inline void is_wrong(const char *arguments, const char *which)
{
	assert_int_equal(parse(arguments), -ERR_USAGE);
	assert_non_null(wrong);
	assert_string_equal(wrong, which);
}

#endif
