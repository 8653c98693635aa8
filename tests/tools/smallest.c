/*
 * smallest: the smallest service that answers a line with a line, to compare attestd with it.
 *
 *     smallest SOCKET LENGTH
 *
 * One client at a time: accepts, reads a line, writes a reply of so many bytes
 * that is always the same, and closes.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REPLY_MAX 16384

static char reply[REPLY_MAX];

static bool read_line(int fd)
{
	char line[REPLY_MAX];
	ssize_t n;

	do
		n = read(fd, line, sizeof line);
	while (n > 0 && line[n - 1] != '\n');
	return n > 0;
}

int main(int argc, char **argv)
{
	static const char head[] = "{\"status\":\"ok\"", tail[] = "\"}\n";
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	size_t length = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (length < sizeof head + sizeof tail || length > sizeof reply ||
	    strlen(argv[1]) >= sizeof sa.sun_path) {
		fputs("usage: smallest SOCKET LENGTH\n", stderr);
		return 64;
	}
	memset(reply, ' ', length);
	memcpy(reply, head, sizeof head - 1);
	memcpy(reply + length - sizeof tail + 1, tail, sizeof tail - 1);
	strcpy(sa.sun_path, argv[1]);
	unlink(argv[1]);
	if (bind(listener, (struct sockaddr *)&sa, sizeof sa) != 0 || listen(listener, 128) != 0) {
		perror(argv[1]);
		return 1;
	}
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return 1;
		if (read_line(fd) && write(fd, reply, length) != (ssize_t)length)
			fputs("smallest: a client that does not read\n", stderr);
		close(fd);
	}
}
