#include <string.h>

#include "err.h"
#include "base/text.h"
#include "options.h"
#include "sandbox_paths.h"
#include "port.h"

/* The number above it is reserved: it means "no change". */
#define ID_MAX (UINT32_MAX - 1)

struct linux_options linux_options = {
	.socket = {.sun_family = AF_UNIX, .sun_path = DEFAULT_SOCKET},
	.default_socket = true,
	.mode = 0660,
	.owner = (uid_t)-1,
	.group = (gid_t)-1,
	.user = (uid_t)-1,
	.user_group = (gid_t)-1,
};

struct allowed allowed_in, allowed_quote;

static int set_socket(const char *value)
{
	struct sockaddr_un *a = &linux_options.socket;
	size_t n = strlen(value);

	/* Elsewhere '@' means an abstract name; such sockets have no permissions. */
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

	if (!text_number(value, 8, 0777, &v)) {
		return -ERR_USAGE;
	}
	linux_options.mode = (mode_t)v;
	return 0;
}

/* A uid or a gid. */
static int set_id(const char *value, uint32_t *id)
{
	uint64_t v;

	if (!text_number(value, 10, ID_MAX, &v)) {
		return -ERR_USAGE;
	}
	*id = (uint32_t)v;
	return 0;
}

static int set_owner(const char *value)
{
	return set_id(value, &linux_options.owner);
}

static int set_group(const char *value)
{
	return set_id(value, &linux_options.group);
}

/* A uid or gid that ends before `end` or with the text; *value moves there. */
static int take_id(const char **value, char end, uint32_t *id)
{
	size_t n = (size_t)(strchrnul(*value, end) - *value);
	char number[sizeof("4294967295")];

	if (n >= sizeof(number)) {
		return -ERR_USAGE;
	}
	memcpy(number, *value, n);
	number[n] = '\0';
	*value += n;
	return set_id(number, id);
}

/* "UID,@GID,..." */
static int set_list(const char *value, struct allowed *list)
{
	size_t n = 0;

	do {
		if (n == ALLOW_MAX) {
			return -ERR_USAGE;
		}
		list->who[n].group = *value == '@';
		value += list->who[n].group;
		if (take_id(&value, ',', &list->who[n++].id) < 0) {
			return -ERR_USAGE;
		}
	} while (*value++ != '\0');
	list->count = n;
	return 0;
}

static int set_allow(const char *value)
{
	return set_list(value, &allowed_in);
}

static int set_allow_quote(const char *value)
{
	return set_list(value, &allowed_quote);
}

static int set_tpm(const char *value)
{
	size_t n = strlen(value);

	if (n == 0 || n >= DEVICE_MAX) {
		return -ERR_USAGE;
	}
	linux_options.tpm = value;
	return 0;
}

/* A file's name; option_files_read reads the file later. */
static int set_file(const char *value, const char **file)
{
	if (value[0] == '\0') {
		return -ERR_USAGE;
	}
	*file = value;
	return 0;
}

static int set_endorsement_auth(const char *value)
{
	return set_file(value, &linux_options.endorsement_auth);
}

static int set_owner_auth(const char *value)
{
	return set_file(value, &linux_options.owner_auth);
}

static int set_ek_cert(const char *value)
{
	return set_file(value, &linux_options.ek_cert);
}

/* UID:GID, but not root: root is what this option gives up. */
static int set_user(const char *value)
{
	uint32_t user, group;

	if (take_id(&value, ':', &user) < 0 || user == 0 || *value == '\0' ||
	    set_id(value + 1, &group) < 0) {
		return -ERR_USAGE;
	}
	linux_options.user = user;
	linux_options.user_group = group;
	return 0;
}

static int set_sandbox(const char *value)
{
	static const char names[][8] = {"on", "require", "off"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(value, names[i]) == 0) {
			linux_options.sandbox = (enum sandbox_mode)i;
			return 0;
		}
	}
	return -ERR_USAGE;
}

const struct port_option port_options[] = {
	{"--socket PATH", "the Unix socket (" DEFAULT_SOCKET ")", PORT_SERVE | PORT_CALL,
	 set_socket},
	{"--mode OCTAL", "the socket's permissions (0660)", PORT_SERVE, set_mode},
	{"--owner UID", "the socket's owner, as a number", PORT_SERVE, set_owner},
	{"--group GID", "the socket's group, as a number", PORT_SERVE, set_group},
	{"--allow LIST", "who may connect: UID,@GID,... (all)", PORT_SERVE, set_allow},
	{"--allow-quote LIST", "who may quote and certify: UID,@GID,... (all)", PORT_SERVE,
	 set_allow_quote},
	{"--tpm DEVICE", "the TPM (/dev/tpmrm0 to 3, then /dev/tpm0 to 3)", PORT_USES_TPM, set_tpm},
	{"--endorsement-auth FILE", "what authorises the use of the endorsement hierarchy",
	 PORT_USES_TPM, set_endorsement_auth},
	{"--owner-auth FILE", "what authorises the use of the owner hierarchy", PORT_PROVISION,
	 set_owner_auth},
	{"--ek-cert FILE", "the EK's certificate, for a TPM that holds none",
	 PORT_SERVE | PORT_ONCE, set_ek_cert},
	{"--user UID:GID", "become this user, who must be allowed to use the TPM", PORT_USES_TPM,
	 set_user},
	{"--sandbox MODE", "on (the default), require or off", PORT_USES_TPM, set_sandbox},
};
const unsigned port_modes = PORT_USES_TPM | PORT_CALL;
const size_t port_option_count = sizeof(port_options) / sizeof(port_options[0]);
