#include "ek_cert.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "bounds.h"
#include "err.h"
#include "option_files.h"
#include "options.h"
#include "port.h"

/* One byte more than may be there shows that the file is too long. */
static struct {
	uint8_t bytes[CERT_FILE_MAX + 1];
	size_t len;
} cert;

static_assert(CERT_FILE_MAX == 8192, "as the message says");

int ek_cert_read(void)
{
	const char *path = linux_options.ek_cert;
	int fd, r, e;

	if (path == NULL) {
		return 0;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	r = fd < 0 ? -1 : option_file_read(fd, cert.bytes, sizeof(cert.bytes), &cert.len);
	e = errno;
	(void)close(fd);
	if (r < 0) {
		return option_file_failed("cannot read --ek-cert", path, e, -ERR_IO);
	}
	if (cert.len == 0 || cert.len > CERT_FILE_MAX) {
		return option_file_failed(cert.len == 0 ? "no bytes in --ek-cert"
							: "more than 8192 bytes in --ek-cert",
					  path, 0, -ERR_USAGE);
	}
	return 0;
}

int port_ek_cert(unsigned n, const uint8_t **p, size_t *len, const char **source)
{
	*p = cert.bytes;
	*len = cert.len;
	*source = "file";
	return n == 0 && cert.len > 0 ? 0 : -ERR_CERT_ABSENT;
}

/* Linux keeps no such certificates, and no option gives any. */
int port_ek_chain(unsigned n, const uint8_t **p, size_t *len)
{
	(void)n;
	*p = NULL;
	*len = 0;
	return -ERR_CERT_ABSENT;
}
