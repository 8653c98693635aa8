/* src/service/command_line.c. The input: the arguments, one a line. */
#include "fuzz.h"

#include "service/command_line.h"

#include "bounds.h"

#define ARGS_MAX 64

/* ---- a port that records the options that are set ------------------------- */

static struct {
	const char *option, *value;
} settings[ARGS_MAX];
static size_t setting_count;

static int set(const char *option, const char *value)
{
	MUST(setting_count < ARGS_MAX);
	settings[setting_count].option = option;
	settings[setting_count].value = value;
	setting_count++;
	return value[0] == '\0' ? -ERR_USAGE : 0;
}

static int set_socket(const char *value)
{
	return set("--socket", value);
}

static int set_tpm(const char *value)
{
	return set("--tpm", value);
}

static int set_tpm_like(const char *value)
{
	return set("--tpm-like", value);
}

const struct port_option port_options[] = {
	{"--tpm-like X", "the same beginning as another option", PORT_ONCE, set_tpm_like},
	{"--socket PATH", "the socket's path", PORT_SERVE | PORT_CALL, set_socket},
	{"--tpm DEVICE", "the TPM", PORT_SERVE | PORT_ONCE | PORT_PROVISION, set_tpm},
};
const unsigned port_modes = PORT_SERVE | PORT_ONCE | PORT_CALL | PORT_PROVISION;
const size_t port_option_count = sizeof port_options / sizeof *port_options;

static int run(char **args)
{
	(void)args;
	return 0;
}

const struct port_subcommand port_subcommands[] = {
	{"install", "installs the service", true, run},
	{"uninstall", "removes the service", false, run},
	{NULL, NULL, false, NULL},
};

int port_print(bool to_stderr, const char *text, size_t n)
{
	(void)to_stderr;
	MUST(n > 0 && text[n - 1] == '\n');
	return 0;
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

/* ---- the arguments ------------------------------------------------------ */

/* Each argument, and the array of them, has a block of exactly its size. */
static char **args;
static int arg_count;

static void take_args(const uint8_t *data, size_t size)
{
	const uint8_t *end;

	args = exact(NULL, (ARGS_MAX + 1) * sizeof *args);
	args[0] = strdup("attestd");
	arg_count = 1;
	while (size > 0 && arg_count < ARGS_MAX) {
		end = memchr(data, '\n', size);
		if (end == NULL) {
			end = data + size;
		}
		args[arg_count] = strndup((const char *)data, (size_t)(end - data));
		arg_count++;
		size -= (size_t)(end - data);
		data = end;
		if (size > 0) {
			data++;
			size--;
		}
	}
	args = realloc(args, ((size_t)arg_count + 1) * sizeof *args);
	args[arg_count] = NULL;
}

static void free_args(void)
{
	for (int i = 0; i < arg_count; i++) {
		free(args[i]);
	}
	free(args);
}

static bool is_arg(const char *s)
{
	for (int i = 1; i < arg_count; i++) {
		if (s == args[i]) {
			return true;
		}
	}
	return false;
}

/* Do the arguments contain "OPTION=VALUE", or "OPTION" followed by "VALUE"? */
static bool is_setting(const char *option, const char *value)
{
	size_t n = strlen(option);

	for (int i = 1; i < arg_count; i++) {
		if (strncmp(args[i], option, n) != 0) {
			continue;
		}
		if (args[i][n] == '=' ? value == args[i] + n + 1
				      : args[i][n] == '\0' && value == args[i + 1]) {
			return true;
		}
	}
	return false;
}

static unsigned modes_of(const char *option)
{
	size_t n = strlen(option);

	for (size_t i = 0; i < port_option_count; i++) {
		const char *name = port_options[i].name;

		if (strncmp(option, name, n) == 0 && name[n] == ' ') {
			return port_options[i].modes;
		}
	}
	abort();
}

/* The length of NAME in a word of the form "NAME=...". */
static size_t name_of(const char *word)
{
	const char *end = strchr(word, '=');

	MUST(end != NULL && end > word);
	return (size_t)(end + 1 - word);
}

static void check_words(const struct options *o)
{
	MUST(o->word_count <= MEMBERS_MAX);
	MUST(o->word_count == 0 || o->mode == PORT_CALL);
	MUST(o->word_count < 2 || o->words[0][0] != '{');
	for (size_t i = 0; i < o->word_count; i++) {
		MUST(is_arg(o->words[i]));
		for (size_t k = 1; i > 0 && k < i; k++) {
			size_t n = name_of(o->words[i]);

			MUST(n != name_of(o->words[k]) || memcmp(o->words[i], o->words[k], n) != 0);
		}
		MUST(i == 0 || strncmp(o->words[i], "command=", 8) != 0);
	}
	MUST(o->member == NULL || o->mode == PORT_CALL);
	MUST(o->member == NULL || is_setting("--member", o->member));
}

static void check(const struct options *o)
{
	MUST(o->mode == PORT_SERVE || o->mode == PORT_ONCE || o->mode == PORT_CALL ||
	     o->mode == PORT_PROVISION);
	MUST(o->mode == PORT_PROVISION || !(o->undo || o->dry_run));
	MUST(o->log_level <= PORT_LOG_DEBUG);
	MUST(o->grace_ms <= 600000 && o->grace_ms % 1000 == 0);
	MUST(o->subcommand_args > args && o->subcommand_args <= args + arg_count);
	check_words(o);
	if (o->subcommand != NULL) {
		MUST(o->subcommand == &port_subcommands[0] ||
		     o->subcommand == &port_subcommands[1]);
		MUST(o->mode == PORT_SERVE && strcmp(args[1], o->subcommand->name) == 0);
		MUST(o->subcommand->options || setting_count == 0);
	}
	for (size_t i = 0; i < setting_count; i++) {
		MUST(is_setting(settings[i].option, settings[i].value));
		MUST(settings[i].value[0] != '\0');
		MUST(modes_of(settings[i].option) & o->mode);
	}
}

/* Parsing the same arguments again gives the same result: nothing is left from the first time. */
static void check_again(int e, const struct options *before)
{
	struct options o;
	const char *wrong = NULL;

	setting_count = 0;
	MUST(command_line_parse(arg_count, args, &o, &wrong) == e);
	if (e == 0) {
		MUST(o.mode == before->mode && o.subcommand == before->subcommand);
		MUST(o.word_count == before->word_count && o.member == before->member);
		MUST(memcmp(o.words, before->words, sizeof o.words) == 0);
		MUST(o.log_level == before->log_level);
		MUST(o.grace_ms == before->grace_ms);
		MUST(o.help == before->help && o.version == before->version);
		MUST(o.undo == before->undo && o.dry_run == before->dry_run);
	}
}

/* An unknown argument at the end makes the command line wrong, and the error names this
 * argument. */
static void check_wrong(void)
{
	struct options o;
	const char *wrong = NULL;
	char none[] = "--no-such-option";
	char **more = exact(NULL, ((size_t)arg_count + 2) * sizeof *more);

	memcpy(more, args, (size_t)arg_count * sizeof *more);
	more[arg_count] = none;
	setting_count = 0;
	MUST(command_line_parse(arg_count + 1, more, &o, &wrong) == -ERR_USAGE);
	MUST(wrong == none);
	free(more);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct options o;
	const char *wrong = NULL;
	int e;

	take_args(data, size);
	setting_count = 0;
	e = command_line_parse(arg_count, args, &o, &wrong);
	if (e == 0) {
		check(&o);
	} else {
		MUST(e == -ERR_USAGE && is_arg(wrong));
	}
	check_again(e, &o);
	if (e == 0) {
		check_wrong();
	}
	MUST(command_line_usage(false) == 0);
	free_args();
	return 0;
}
