#include "auth_value.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/wipe.h"
#include "bounds.h"
#include "err.h"
#include "log.h"
#include "option_files.h"
#include "options.h"
#include "port.h"

/* Two bytes more than may be there: for a line end, and to see that there is too much. */
static struct auth {
	uint8_t bytes[AUTH_MAX + 2];
	size_t len;
} endorsement, owner;

/*
 * Only its owner should be able to read the secret. If the file has an access
 * control list, its group permissions are the list's mask: a service manager
 * grants the service's user access to a credential in this way.
 */
static bool is_private(int fd)
{
	struct stat st;
	mode_t others = S_IRWXG | S_IRWXO;

	if (syscall(SYS_fgetxattr, fd, "system.posix_acl_access", NULL, 0) > 0) {
		others = S_IRWXO;
	}
	return fstat(fd, &st) == 0 && (st.st_mode & others) == 0;
}

static_assert(AUTH_MAX == 64, "as the message says");

static int read_auth(const char *path, struct auth *auth)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -1 : option_file_read(fd, auth->bytes, sizeof(auth->bytes), &auth->len);
	int e = errno;

	if (r == 0 && !is_private(fd)) {
		log_reason(PORT_LOG_WARNING, "other users may read the authorisation in", path, 0);
	}
	(void)close(fd);
	if (r < 0) {
		return option_file_failed("cannot read the authorisation in", path, e, -ERR_IO);
	}
	if (auth->len > 0 && auth->bytes[auth->len - 1] == '\n') {
		auth->len--;
	}
	if (auth->len > AUTH_MAX) {
		auth_value_wipe();
		return option_file_failed("more than 64 bytes in the authorisation in", path, 0,
					  -ERR_USAGE);
	}
	return 0;
}

int auth_value_read(void)
{
	int r = 0;

	if (linux_options.endorsement_auth != NULL) {
		r = read_auth(linux_options.endorsement_auth, &endorsement);
	}
	if (r == 0 && linux_options.owner_auth != NULL) {
		r = read_auth(linux_options.owner_auth, &owner);
	}
	return r;
}

void auth_value_wipe(void)
{
	wipe(&endorsement, sizeof(endorsement));
	wipe(&owner, sizeof(owner));
}

static int give(const struct auth *auth, uint8_t *buf, size_t *len)
{
	memcpy(buf, auth->bytes, auth->len);
	*len = auth->len;
	return 0;
}

int port_endorsement_auth(uint8_t *buf, size_t *len)
{
	return give(&endorsement, buf, len);
}

int port_owner_auth(uint8_t *buf, size_t *len)
{
	return give(&owner, buf, len);
}
