/*
 * One bound socket reserves the port, and another listens on it: so the port stays reserved
 * while connections are refused.
 */
#include "tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in address;
static int listener = -1;

static int bound_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	fprintf(stderr, "swtpm-run: 127.0.0.1: %s\n", strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

int tcp_reserve(void)
{
	socklen_t size = sizeof address;
	int fd;

	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = bound_socket();
	if (fd < 0 || getsockname(fd, (struct sockaddr *)&address, &size) != 0)
		return -1;
	return ntohs(address.sin_port); /* fd reserves the port until the process ends */
}

void tcp_open(bool accepts)
{
	if (accepts && listener < 0 && address.sin_port != 0) {
		listener = bound_socket();
		if (listener >= 0 && listen(listener, 16) != 0)
			perror("swtpm-run: listen");
	} else if (!accepts && listener >= 0) {
		close(listener);
		listener = -1;
	}
}

int tcp_listener(void)
{
	return listener;
}

int tcp_accept(void)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fd;
}
