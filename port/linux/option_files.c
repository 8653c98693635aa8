#include "option_files.h"

#include <errno.h>
#include <unistd.h>

#include "auth_value.h"
#include "ek_cert.h"
#include "log.h"

int option_file_failed(const char *what, const char *path, int e, int result)
{
	log_reason(PORT_LOG_ERROR, what, path, e);
	return result;
}

int option_file_read(int fd, uint8_t *buf, size_t cap, size_t *len)
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

int option_files_read(void)
{
	int r = auth_value_read();

	return r < 0 ? r : ek_cert_read();
}

int option_files_read_once(void)
{
	static int result = 1; /* not read yet */

	if (result > 0) {
		result = option_files_read();
	}
	return result;
}
