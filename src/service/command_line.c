#include <string.h>

#include "base/text.h"
#include "bounds.h"
#include "err.h"
#include "service/command_line.h"
#include "service/log_lines.h"

static const struct {
	char name[10];
	enum port_mode mode;
	const char *help;
} modes[] = {
	{"serve", PORT_SERVE, "serve clients (the default)"},
	{"once", PORT_ONCE, "read requests from standard input, write replies to standard output"},
	{"call", PORT_CALL,
	 "send REQUEST (JSON, or a command and NAME=VALUE...) to attestd, print its reply"},
	{"provision", PORT_PROVISION, "make the EK persistent in the TPM"},
};

static struct options *target; /* what the functions below set */

static int set_log_level(const char *value)
{
	return log_level_parse(value, &target->log_level);
}

/* Seconds, in decimal, up to WAIT_MAX_S. */
static int set_wait(const char *value)
{
	uint32_t seconds = 0;
	size_t n = strlen(value);

	if (n == 0 || n > 3) {
		return -ERR_USAGE;
	}
	for (size_t i = 0; i < n; i++) {
		if (value[i] < '0' || value[i] > '9') {
			return -ERR_USAGE;
		}
		seconds = 10 * seconds + (uint32_t)(value[i] - '0');
	}
	target->grace_ms = 1000 * seconds;
	return seconds <= WAIT_MAX_S ? 0 : -ERR_USAGE;
}

/* json_equal takes a backslash as the start of an escape; no member's name has one. */
static int set_member(const char *value)
{
	target->member = value;
	return value[0] != '\0' && strchr(value, '\\') == NULL ? 0 : -ERR_USAGE;
}

static const struct port_option own_options[] = {
	{"--member NAME", "print only this member of the reply", PORT_CALL, set_member},
	{"--wait SECONDS", "how long to wait for a TPM that is not ready (5, at most 600)",
	 PORT_USES_TPM, set_wait},
	{"--log-level LEVEL", "error, warning, info (the default) or debug", PORT_USES_TPM,
	 set_log_level},
};
#define OWN_OPTIONS (sizeof own_options / sizeof *own_options)

/* The options by number: the port's, then ours, then NULL. */
static const struct port_option *option_at(size_t i)
{
	if (i < port_option_count) {
		return &port_options[i];
	}
	i -= port_option_count;
	return i < OWN_OPTIONS ? &own_options[i] : NULL;
}

/* The value of "--name=value" or of "--name" "value"; NULL if it is another option. */
static const char *value_of(const struct port_option *option, char **argv, int *i)
{
	size_t n = text_until(option->name, ' ');

	if (strncmp(argv[*i], option->name, n) != 0) {
		return NULL;
	}
	if (argv[*i][n] == '=') {
		return argv[*i] + n + 1;
	}
	if (argv[*i][n] != '\0' || argv[*i + 1] == NULL) {
		return NULL;
	}
	*i += 1;
	return argv[*i];
}

static int set_option(char **argv, int *i, unsigned mode)
{
	const struct port_option *option;

	for (size_t k = 0; (option = option_at(k)) != NULL; k++) {
		const char *value;

		if (!(option->modes & mode)) {
			continue;
		}
		value = value_of(option, argv, i);
		if (value != NULL) {
			return option->set(value);
		}
	}
	return -ERR_USAGE;
}

/* Takes the name of a mode or of one of the port's subcommands; false if it is neither. */
static bool take_mode(const char *name, struct options *o)
{
	for (size_t k = 0; k < sizeof modes / sizeof *modes; k++) {
		if ((modes[k].mode & port_modes) && strcmp(name, modes[k].name) == 0) {
			o->mode = modes[k].mode;
			return true;
		}
	}
	for (const struct port_subcommand *c = port_subcommands; c->name != NULL; c++) {
		if (strcmp(name, c->name) == 0) {
			o->subcommand = c;
			return true;
		}
	}
	return false;
}

/* Adds a word of the request, if it is as struct options says. */
static int take_word(const char *word, struct options *o)
{
	size_t n = text_until(word, '=') + 1; /* the length of "NAME=" */

	if (o->mode != PORT_CALL || o->word_count == MEMBERS_MAX) {
		return -ERR_USAGE;
	}
	for (size_t k = 0; k < o->word_count; k++) {
		const char *other = k == 0 ? "command=" : o->words[k];

		if (n == 1 || word[n - 1] == '\0' || o->words[0][0] == '{' ||
		    strncmp(word, other, n) == 0) {
			return -ERR_USAGE;
		}
	}
	o->words[o->word_count++] = word;
	return 0;
}

int command_line_parse(int argc, char **argv, struct options *o, const char **wrong)
{
	unsigned takes;
	int i;

	*o = (struct options){
		.mode = PORT_SERVE, .log_level = PORT_LOG_INFO, .grace_ms = TPM_GRACE_MS};
	target = o;
	i = argc > 1 && take_mode(argv[1], o) ? 2 : 1;
	o->subcommand_args = argv + i;
	takes = o->subcommand == NULL || o->subcommand->options ? o->mode : 0;
	for (; i < argc; i++) {
		*wrong = argv[i];
		if (strcmp(argv[i], "--help") == 0) {
			o->help = true;
		} else if (strcmp(argv[i], "--version") == 0) {
			o->version = true;
		} else if (o->mode == PORT_PROVISION && strcmp(argv[i], "--undo") == 0) {
			o->undo = true;
		} else if (o->mode == PORT_PROVISION && strcmp(argv[i], "--dry-run") == 0) {
			o->dry_run = true;
		} else if (argv[i][0] == '-') {
			if (set_option(argv, &i, takes) != 0) {
				return -ERR_USAGE;
			}
		} else if (take_word(argv[i], o) != 0) {
			return -ERR_USAGE;
		}
	}
	return 0;
}

static void put_mode(struct text *t, const char *name, const char *help)
{
	text_str(t, "  ");
	text_str(t, name);
	text_str(t, "\n        ");
	text_str(t, help);
	text_str(t, "\n");
}

static void put_modes(struct text *t, unsigned bits)
{
	const char *separator = "  (";

	for (size_t k = 0; k < sizeof modes / sizeof *modes; k++) {
		if (bits & modes[k].mode & port_modes) {
			text_str(t, separator);
			text_str(t, modes[k].name);
			separator = ", ";
		}
	}
	text_str(t, ")");
}

int command_line_usage(bool to_stderr)
{
	char page[2560];
	struct text t = text_in(page, sizeof page);
	const struct port_option *option;

	text_str(&t, "usage: attestd [MODE] [OPTION]... [REQUEST]\n\nmodes:\n");
	for (size_t k = 0; k < sizeof modes / sizeof *modes; k++) {
		if (modes[k].mode & port_modes) {
			put_mode(&t, modes[k].name, modes[k].help);
		}
	}
	for (const struct port_subcommand *c = port_subcommands; c->name != NULL; c++) {
		put_mode(&t, c->name, c->help);
	}
	text_str(&t, "\noptions:\n");
	for (size_t k = 0; (option = option_at(k)) != NULL; k++) {
		if (!(option->modes & port_modes)) {
			continue;
		}
		text_str(&t, "  ");
		text_str(&t, option->name);
		put_modes(&t, option->modes);
		text_str(&t, "\n        ");
		text_str(&t, option->help);
		text_str(&t, "\n");
	}
	if (port_modes & PORT_PROVISION) {
		text_str(&t, "  --undo  (provision)\n"
			     "        remove the EK from the TPM again\n"
			     "  --dry-run  (provision)\n"
			     "        change nothing, say what would be done\n");
	}
	text_str(&t, "  --help, --version\n");
	return port_print(to_stderr, t.p, t.len);
}
