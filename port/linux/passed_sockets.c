#include "passed_sockets.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.h"
#include "err.h"
#include "listen.h"
#include "log.h"

unsigned passed_sockets_count(void)
{
	uint64_t pid, count = 0;
	bool ours = text_number(getenv("LISTEN_PID"), 10, INT32_MAX, &pid) &&
		    pid == (uint64_t)getpid() &&
		    text_number(getenv("LISTEN_FDS"), 10, INT32_MAX, &count);

	return ours ? (unsigned)count : 0;
}

static int refuse(int fd, const char *why, int e)
{
	char text[100];
	struct text t = text_in(text, sizeof(text));

	text_str(&t, "descriptor ");
	text_dec(&t, (uint64_t)fd, 1);
	text_str(&t, ", passed by the supervisor, ");
	text_printable(&t, why);
	text_end(&t);
	log_reason(PORT_LOG_ERROR, text, NULL, e);
	return -ERR_IO;
}

/* Nothing is adopted that cannot be served: its clients would wait for ever. */
static int adopt(int fd)
{
	static const int want[][2] = {
		{SO_DOMAIN, AF_UNIX}, {SO_TYPE, SOCK_STREAM}, {SO_ACCEPTCONN, 1}};
	static const int yes = 1;

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		int is = -1;
		socklen_t n = sizeof(is);

		if (getsockopt(fd, SOL_SOCKET, want[i][0], &is, &n) < 0 || is != want[i][1]) {
			return refuse(fd, "is not a listening Unix stream socket", 0);
		}
	}
	/* By fcntl this would take 400 bytes more. */
	if (syscall(SYS_ioctl, fd, FIONBIO, &yes) < 0 || syscall(SYS_ioctl, fd, FIOCLEX) < 0) {
		return refuse(fd, "cannot be used", errno);
	}
	return 0;
}

int passed_sockets_adopt(void)
{
	unsigned count = passed_sockets_count();

	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	if (count > LISTEN_MAX) {
		log_reason(PORT_LOG_ERROR, "the supervisor passed more than 8 sockets", NULL, 0);
		return -ERR_IO;
	}
	for (int i = 0; i < (int)count; i++) {
		int r = adopt(PASSED_FD + i);

		if (r < 0) {
			return r;
		}
		listen_fds[i] = PASSED_FD + i;
	}
	listen_count = count;
	return (int)count;
}
