#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "bounds.h"
#include "err.h"
#include "lifecycle.h"
#include "log.h"
#include "options.h"
#include "port.h"

#define CALL_SECONDS 200

static int failed(const char *what, int e)
{
	log_reason(PORT_LOG_ERROR, what, linux_options.socket.sun_path, e);
	return -ERR_IO;
}

/* Waits until fd is ready. -ERR_IO with errno, ETIMEDOUT after the deadline. */
static int await(int fd, short events, uint64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = events};

	for (;;) {
		uint64_t now = port_now_ms();
		int r = poll(&p, 1, now < deadline ? (int)(deadline - now) : 0);

		if (r > 0) {
			return 0;
		}
		if (r == 0) {
			errno = ETIMEDOUT;
		}
		if (r == 0 || errno != EINTR) {
			return -ERR_IO;
		}
	}
}

/*
 * Reads until a line end or the end of input. *n is the line's length without
 * its line end, more than cap if it does not fit.
 */
static int read_line(int fd, uint8_t *p, size_t cap, size_t *n, uint64_t deadline)
{
	size_t got = 0;
	uint8_t over;

	*n = 0;
	for (;;) {
		uint8_t *to = got < cap ? p + got : &over;
		ssize_t r;
		const uint8_t *end;

		if (await(fd, POLLIN, deadline) < 0) {
			return -ERR_IO;
		}
		r = read(fd, to, got < cap ? cap - got : 1);
		if (r == 0) {
			*n = got;
			return 0;
		}
		if (r < 0) {
			if (errno == EINTR || errno == EAGAIN) {
				continue;
			}
			return -ERR_IO;
		}
		end = memchr(to, '\n', (size_t)r);
		if (end != NULL) {
			*n = got + (size_t)(end - to);
			return 0;
		}
		got += (size_t)r;
		if (got > cap) {
			*n = got;
			return 0;
		}
	}
}

static int connect_to(void)
{
	/* if the backlog is full, connect waits as long as a send may */
	static const struct timeval limit = {CALL_SECONDS, 0};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		return failed("cannot make a socket for", errno);
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (const struct sockaddr *)&linux_options.socket,
		    sizeof(linux_options.socket)) < 0) {
		int e = errno;

		(void)close(fd);
		return failed("cannot connect to", e);
	}
	return fd;
}

/* No error if the service has stopped reading: then it has already answered. */
static int send_all(int fd, const uint8_t *p, size_t n, uint64_t deadline)
{
	while (n > 0) {
		ssize_t r = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (r >= 0) {
			p += r;
			n -= (size_t)r;
		} else if (errno == EAGAIN) {
			if (await(fd, POLLOUT, deadline) < 0) {
				return -ERR_IO;
			}
		} else if (errno != EINTR) {
			return 0;
		}
	}
	return 0;
}

static int exchange(int fd, const uint8_t *request, size_t request_n, uint8_t *buf, size_t cap,
		    size_t *len, uint64_t deadline)
{
	int r = send_all(fd, request, request_n, deadline);

	if (r == 0) {
		r = read_line(fd, buf, cap, len, deadline);
	}
	if (r < 0) {
		return failed("no answer from", errno);
	}
	if (*len == 0) {
		return failed("no answer from", 0);
	}
	return *len > cap ? -ERR_RANGE : 0;
}

/* The request with its line end, so that it is sent as a whole. */
static int get_request(const char *request, uint8_t line[REQUEST_MAX + 1], size_t *n,
		       uint64_t deadline)
{
	if (request != NULL) {
		*n = strlen(request);
		if (*n <= REQUEST_MAX) {
			memcpy(line, request, *n);
		}
	} else if (read_line(STDIN_FILENO, line, REQUEST_MAX, n, deadline) < 0) {
		log_reason(PORT_LOG_ERROR, "cannot read standard input", NULL, errno);
		return -ERR_IO;
	}
	if (*n > REQUEST_MAX) {
		return -ERR_TOO_LONG;
	}
	line[(*n)++] = '\n';
	return 0;
}

int port_call(const char *request, uint8_t *buf, size_t cap, size_t *len)
{
	static uint8_t line[REQUEST_MAX + 1];
	uint64_t deadline = port_now_ms() + CALL_SECONDS * UINT64_C(1000);
	size_t n;
	int fd, r;

	*len = 0;
	signals_block_pipe(); /* if nobody reads the reply, the exit status is 1 */
	r = get_request(request, line, &n, deadline);
	if (r < 0) {
		return r;
	}
	fd = connect_to();
	if (fd < 0) {
		return fd;
	}
	r = exchange(fd, line, n, buf, cap, len, deadline);
	(void)close(fd);
	if (r < 0) {
		*len = 0;
	}
	return r;
}
