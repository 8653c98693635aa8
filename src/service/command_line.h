/*
 * The command line.
 */
#ifndef SERVICE_COMMAND_LINE_H
#define SERVICE_COMMAND_LINE_H

#include "bounds.h"
#include "port.h"

struct options {
	enum port_mode mode;
	const struct port_subcommand *subcommand; /* the port's own, in place of a mode; or NULL */
	char **subcommand_args; /* the arguments behind its name */
	enum port_log_level log_level;
	uint32_t grace_ms; /* how long a request waits for a TPM that is not ready yet */
	/*
	 * PORT_CALL: the request. Either no words: it comes from standard input; or one
	 * word that begins with '{': JSON; or the value of "command", and NAME=VALUE for
	 * each other member. No NAME is empty, "command", or there twice.
	 */
	const char *words[MEMBERS_MAX];
	size_t word_count;
	const char *member; /* PORT_CALL: print only this member of the reply; or NULL */
	bool undo, dry_run; /* PORT_PROVISION */
	bool help, version;
};

/*
 * Parses argv, which ends with NULL. The port keeps the values of its own options.
 * -ERR_USAGE: *wrong is the argument that is not right.
 */
int command_line_parse(int argc, char **argv, struct options *o, const char **wrong);

/* Prints the usage; returns what port_print returns. */
int command_line_usage(bool to_stderr);

#endif
