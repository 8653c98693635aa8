/*
 * The command line.
 */
#ifndef SERVICE_COMMAND_LINE_H
#define SERVICE_COMMAND_LINE_H

#include "bounds.h"
#include "port.h"

struct options {
	enum port_mode mode;
	const struct port_subcommand *command; /* one of the port's, instead of a mode; or NULL */
	char **command_args; /* what stands behind its name */
	enum port_log_level log_level;
	uint32_t grace_ms; /* how long a request waits for a TPM that comes late */
	/*
	 * PORT_CALL: none, for a request from standard input; one that begins with
	 * '{', a request; or a command's name, and NAME=VALUE for each member. No
	 * NAME is empty, "command", or there twice.
	 */
	const char *words[MEMBERS_MAX];
	size_t word_count;
	const char *member; /* PORT_CALL: of the reply, what alone is printed; or NULL */
	bool undo, dry_run; /* PORT_PROVISION */
	bool help, version;
};

/*
 * Reads argv. The port keeps its own options' values. -ERR_USAGE, with *wrong
 * the argument in fault.
 */
int command_line_parse(int argc, char **argv, struct options *o, const char **wrong);

/* Prints the usage, on standard error if it is an error; as port_print. */
int command_line_usage(bool to_stderr);

#endif
