#include "install.h"
#include "port.h"

static int provision(char **args)
{
	static const char text[] =
		"Windows itself keeps the EK in the TPM: there is nothing to do. "
		"`attestd call getHealth' says whether it does.\n";

	(void)args;
	return port_print(false, text, sizeof(text) - 1) == 0 ? 0 : 1;
}

const struct port_subcommand port_subcommands[] = {
	{"install", "make it a service that starts with the system; serve's options go to it", true,
	 install_service},
	{"uninstall", "stop and remove that service", false, uninstall_service},
	{"provision", "says that here Windows keeps the EK in the TPM", false, provision},
	{NULL, NULL, false, NULL},
};
