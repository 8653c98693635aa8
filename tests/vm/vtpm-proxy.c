/*
 * vtpm-proxy RELAY FAULTS: makes one more TPM in a guest, by tpm_vtpm_proxy.
 *
 * Prints the new device's number. Then passes each command on to RELAY, the plain device of
 * a TPM or a port with a TPM at its other end, unless a fault says otherwise. A fault is one line through
 * the FIFO FAULTS, "KIND VALUE COMMAND COUNT", for the next COUNT commands of
 * that code; the last one said holds:
 *
 *     rc CODE       answers with that code
 *     session CODE  likewise, but only where the first handle is a session
 *     delay MS      answers late
 *     short N       answers with the first N bytes only
 *     die 0         ends, the command in hand
 *
 * Says so through standard error when a command has met its fault, and when an
 * answer that was delayed goes out.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* As in linux/vtpm_proxy.h: musl comes without the kernel's headers. */
struct vtpm_proxy_new_dev {
	uint32_t flags;
	uint32_t tpm_num;
	uint32_t fd;
	uint32_t major;
	uint32_t minor;
};
#define VTPM_PROXY_FLAG_TPM2 1
#define VTPM_PROXY_IOC_NEW_DEV _IOWR(0xa1, 0x00, struct vtpm_proxy_new_dev)
#define TPM2_CC_SET_LOCALITY 0x20001000 /* the driver's own command, not for a TPM */

#define HEADER 10
#define RC_FAILURE 0x101
#define TRANSIENT 0x80 /* a handle's first byte */
#define SLOTS 3 /* of the TPM, for each kind of object or session */

static struct fault {
	char kind[8];
	unsigned value, command, count;
} fault;

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static size_t put_code(uint8_t *p, uint32_t rc)
{
	static const uint8_t header[HEADER] = {0x80, 0x01, 0, 0, 0, HEADER};

	memcpy(p, header, sizeof header);
	for (int i = 0; i < 4; i++) {
		p[6 + i] = (uint8_t)(rc >> (24 - 8 * i));
	}
	return sizeof header;
}

/* Reads the number that the text begins with, and moves *text behind it. scanf and printf would
 * need functions for floating-point numbers of 128 bits, which clang without gcc's library
 * does not have. */
static bool take_number(char **text, unsigned *n)
{
	char *from = *text;

	*n = (unsigned)strtoul(from, text, 0);
	return *text != from;
}

static bool take_fault(int faults)
{
	char line[128], *behind;
	ssize_t n = read(faults, line, sizeof line - 1);

	if (n <= 0) {
		return false;
	}
	line[n] = '\0';
	behind = strchr(line, ' ');
	if (behind == NULL || (size_t)(behind - line) >= sizeof fault.kind) {
		return false;
	}
	*behind++ = '\0';
	memcpy(fault.kind, line, (size_t)(behind - line));
	return take_number(&behind, &fault.value) && take_number(&behind, &fault.command) &&
	       take_number(&behind, &fault.count);
}

static bool is(const char *kind)
{
	return fault.count > 0 && strcmp(fault.kind, kind) == 0;
}

static size_t pass_on(int tpm, uint8_t *buf, size_t n, size_t cap)
{
	ssize_t r = write(tpm, buf, n);
	size_t got = 0;

	if (r == (ssize_t)n) {
		/* A port may deliver a response in pieces. */
		while (got < HEADER || got < get32(buf + 2)) {
			r = read(tpm, buf + got, cap - got);
			if (r <= 0) {
				return put_code(buf, RC_FAILURE);
			}
			got += (size_t)r;
		}
	}
	return got >= HEADER ? got : put_code(buf, RC_FAILURE);
}

/* Flushes what an earlier process may have left loaded. Most of these handles do not exist. */
static void flush_all(int tpm)
{
	static const uint8_t kinds[] = {TRANSIENT, 0x02 /* HMAC */, 0x03 /* policy */};
	uint8_t buf[256];

	for (unsigned i = 0; i < sizeof kinds * SLOTS; i++) {
		static const uint8_t flush_context[14] = {0x80, 1, 0, 0, 0, 14, 0, 0, 0x01, 0x65};

		memcpy(buf, flush_context, sizeof flush_context);
		buf[10] = kinds[i / SLOTS];
		buf[13] = i % SLOTS;
		(void)pass_on(tpm, buf, sizeof flush_context, sizeof buf);
	}
}

/* Replaces the command in buf by its response. Returns the response's length; 0: there is none. */
static size_t answer(int tpm, uint8_t *buf, size_t n, size_t cap)
{
	uint32_t command = get32(buf + 6);

	if (command == TPM2_CC_SET_LOCALITY) {
		return put_code(buf, 0);
	}
	if (command != fault.command || fault.count == 0 ||
	    (is("session") && buf[HEADER] == TRANSIENT)) {
		return pass_on(tpm, buf, n, cap);
	}
	if (is("die")) {
		return 0;
	}
	if (is("rc") || is("session")) {
		n = put_code(buf, fault.value);
	} else {
		n = pass_on(tpm, buf, n, cap);
	}
	fputs("fault\n", stderr);
	if (is("delay")) {
		(void)usleep(fault.value * 1000);
		fputs("late\n", stderr);
	} else if (is("short")) {
		n = fault.value;
	}
	fault.count--;
	return n;
}

static void say_number(unsigned n)
{
	char text[12], *p = text + sizeof text;

	*--p = '\n';
	do {
		*--p = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	(void)!write(STDOUT_FILENO, p, (size_t)(text + sizeof text - p));
}

static int serve(int server, int tpm, int faults)
{
	static uint8_t buf[4096];
	struct pollfd fds[] = {{faults, POLLIN, 0}, {server, POLLIN, 0}};

	for (;;) {
		ssize_t n;
		size_t len;

		if (poll(fds, 2, -1) < 0) {
			return 1;
		}
		/* Faults first: each comes before the command that it is for. */
		if (fds[0].revents != 0 && !take_fault(faults)) {
			return 1;
		}
		if (fds[1].revents == 0) {
			continue;
		}
		n = read(server, buf, sizeof buf);
		if (n < HEADER) {
			return 1;
		}
		len = answer(tpm, buf, (size_t)n, sizeof buf);
		if (len == 0 || write(server, buf, len) != (ssize_t)len) {
			return 1;
		}
	}
}

int main(int argc, char **argv)
{
	struct vtpm_proxy_new_dev dev = {.flags = VTPM_PROXY_FLAG_TPM2};
	int tpm, faults, control;

	if (argc != 3) {
		return 64;
	}
	tpm = open(argv[1], O_RDWR | O_CLOEXEC);
	faults = open(
		argv[2],
		O_RDWR |
			O_CLOEXEC); /* open for writing, too, so that there is never an end of file */
	control = open("/dev/vtpmx", O_RDWR | O_CLOEXEC);
	if (tpm < 0 || faults < 0 || control < 0 ||
	    ioctl(control, (int)VTPM_PROXY_IOC_NEW_DEV, &dev) < 0) {
		perror("vtpm-proxy");
		return 1;
	}
	say_number(dev.tpm_num);
	flush_all(tpm);
	return serve((int)dev.fd, tpm, faults);
}
