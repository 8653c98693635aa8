#include "given.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/wipe.h"
#include "bounds.h"
#include "err.h"
#include "log.h"
#include "options.h"
#include "port.h"

/* Each with room for what shows that the file is too long. */
static struct auth {
	uint8_t bytes[AUTH_MAX + 2];
	size_t len;
} endorsement, owner;
static struct {
	uint8_t bytes[CERT_FILE_MAX + 1];
	size_t len;
} cert;

static int failed(const char *what, const char *path, int e, int result)
{
	log_reason(PORT_LOG_ERROR, what, path, e);
	return result;
}

/* Reads to the file's end, or until buf is full. -1, with errno. */
static int read_all(int fd, uint8_t *buf, size_t cap, size_t *len)
{
	*len = 0;
	while (*len < cap) {
		ssize_t r = read(fd, buf + *len, cap - *len);

		if (r == 0) {
			return 0;
		}
		if (r > 0) {
			*len += (size_t)r;
		} else if (errno != EINTR) {
			return -1;
		}
	}
	return 0;
}

/*
 * The secret is to be its owner's alone. Where a file has an access list, what
 * looks like the group's permissions are the list's limits: a service manager
 * gives a credential to the service's user in this way.
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

static int read_auth(const char *path, struct auth *auth)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -1 : read_all(fd, auth->bytes, sizeof(auth->bytes), &auth->len);
	int e = errno;

	if (r == 0 && !is_private(fd)) {
		log_reason(PORT_LOG_WARNING, "others than its owner may use the authorisation in",
			   path, 0);
	}
	(void)close(fd);
	if (r < 0) {
		return failed("cannot read the authorisation in", path, e, -ERR_IO);
	}
	if (auth->len > 0 && auth->bytes[auth->len - 1] == '\n') {
		auth->len--;
	}
	if (auth->len > AUTH_MAX) {
		given_wipe();
		return failed("more than 64 bytes in the authorisation in", path, 0, -ERR_USAGE);
	}
	return 0;
}

static int read_cert(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -1 : read_all(fd, cert.bytes, sizeof(cert.bytes), &cert.len);
	int e = errno;

	(void)close(fd);
	if (r < 0) {
		return failed("cannot read --ek-cert", path, e, -ERR_IO);
	}
	if (cert.len == 0 || cert.len > CERT_FILE_MAX) {
		return failed(cert.len == 0 ? "nothing in --ek-cert"
					    : "more than 8192 bytes in --ek-cert",
			      path, 0, -ERR_USAGE);
	}
	return 0;
}

static_assert(AUTH_MAX == 64 && CERT_FILE_MAX == 8192, "as the messages say");

int given_read(void)
{
	int r = 0;

	if (linux_options.endorsement_auth != NULL) {
		r = read_auth(linux_options.endorsement_auth, &endorsement);
	}
	if (r == 0 && linux_options.owner_auth != NULL) {
		r = read_auth(linux_options.owner_auth, &owner);
	}
	if (r == 0 && linux_options.ek_cert != NULL) {
		r = read_cert(linux_options.ek_cert);
	}
	return r;
}

int given_read_once(void)
{
	static int result = 1; /* not read yet */

	if (result > 0) {
		result = given_read();
	}
	return result;
}

void given_wipe(void)
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

int port_ek_cert(unsigned n, const uint8_t **p, size_t *len, const char **source)
{
	*p = cert.bytes;
	*len = cert.len;
	*source = "file";
	return n == 0 && cert.len > 0 ? 0 : -ERR_CERT_ABSENT;
}

/* Linux keeps none, and there is no option that gives any. */
int port_ek_chain(unsigned n, const uint8_t **p, size_t *len)
{
	(void)n;
	*p = NULL;
	*len = 0;
	return -ERR_CERT_ABSENT;
}
