/*
 * attestd: a machine's TPM 2.0 behind a small JSON protocol.
 */
#include <string.h>

#include "err.h"
#include "port.h"
#include "service/call_request.h"
#include "service/command_line.h"
#include "service/log_lines.h"
#include "service/provision.h"
#include "service/server.h"

/* sysexits.h's EX_USAGE. */
#define EXIT_USAGE 64

static int fail(const char *what, int err)
{
	log_event(PORT_LOG_ERROR, what, err, 0);
	return 1;
}

static int port_subcommand(const struct options *o)
{
	int r = o->subcommand->run(o->subcommand_args);

	return r < 0 ? fail(o->subcommand->name, r) : r;
}

/* serve, once and provision. */
static int use_tpm(const struct options *o)
{
	int r;

	port_state(PORT_STARTING);
	r = port_listen(o->mode);
	if (r != 0) {
		return fail("cannot listen", r);
	}
	r = port_sandbox_enter(o->mode);
	if (r != 0) {
		port_unlisten();
		return fail("cannot enter the sandbox", r);
	}
	/* Where port_modes has no PORT_PROVISION, the linker leaves provision_run out. */
	return (port_modes & PORT_PROVISION) && o->mode == PORT_PROVISION
		       ? provision_run(o)
		       : server_run(o->mode, o->grace_ms);
}

static int attestd(int argc, char **argv)
{
	struct options o;
	const char *wrong;

	if (command_line_parse(argc, argv, &o, &wrong) != 0) {
		(void)port_print(true, "attestd: wrong argument: ", 25);
		(void)port_print(true, wrong, strlen(wrong));
		(void)port_print(true, "\n\n", 2);
		(void)command_line_usage(true);
		return EXIT_USAGE;
	}
	if (o.help) {
		return command_line_usage(false) == 0 ? 0 : 1;
	}
	if (o.version) {
		return port_print(false, "attestd " ATTESTD_VERSION "\n",
				  sizeof "attestd " ATTESTD_VERSION) == 0
			       ? 0
			       : 1;
	}
	log_set_level(o.log_level);
	if (o.subcommand != NULL) {
		return port_subcommand(&o);
	}
	return o.mode == PORT_CALL ? call_run(&o) : use_tpm(&o);
}

int main(int argc, char **argv)
{
	return port_run(argc, argv, attestd);
}
