#include "port.h"

/* Linux has none of its own. */
const struct port_subcommand port_subcommands[] = {{NULL, NULL, false, NULL}};
