#include <string.h>

#include "err.h"
#include "common/line.h"
#include "options.h"
#include "port.h"

struct linux_options linux_options = {
	.socket = {.sun_family = AF_UNIX, .sun_path = DEFAULT_SOCKET},
	.default_socket = true,
	.mode = 0660,
	.group = (gid_t)-1,
};

static int set_socket(const char *value)
{
	struct sockaddr_un *a = &linux_options.socket;
	size_t n = strlen(value);

	/* '@' means an abstract name elsewhere; those have no permissions. */
	if (n == 0 || n >= sizeof(a->sun_path) || value[0] == '@') {
		return -ERR_USAGE;
	}
	memcpy(a->sun_path, value, n + 1);
	linux_options.default_socket = false;
	return 0;
}

static int set_mode(const char *value)
{
	uint64_t v;

	if (!line_parse(value, 8, 0777, &v)) {
		return -ERR_USAGE;
	}
	linux_options.mode = (mode_t)v;
	return 0;
}

static int set_group(const char *value)
{
	uint64_t v;

	if (!line_parse(value, 10, (gid_t)-1 - 1, &v)) {
		return -ERR_USAGE;
	}
	linux_options.group = (gid_t)v;
	return 0;
}

static int set_tpm(const char *value)
{
	if (*value == '\0') {
		return -ERR_USAGE;
	}
	linux_options.tpm = value;
	return 0;
}

const struct port_option port_options[] = {
	{"--socket", "PATH", "the Unix socket (" DEFAULT_SOCKET ")", PORT_SERVE | PORT_CALL,
	 set_socket},
	{"--mode", "OCTAL", "the socket's permissions (0660)", PORT_SERVE, set_mode},
	{"--group", "GID", "the socket's group, as a number", PORT_SERVE, set_group},
	{"--tpm", "DEVICE", "the TPM (/dev/tpmrm0 to 3, then /dev/tpm0 to 3)",
	 PORT_SERVE | PORT_ONCE, set_tpm},
};
const struct port_command port_commands[] = {{NULL, NULL, false, NULL}};
const size_t port_option_count = sizeof(port_options) / sizeof(port_options[0]);
