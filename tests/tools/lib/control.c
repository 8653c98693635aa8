/*
 * The control socket's commands, and its clients.
 */
#include "chip.h"
#include "control.h"
#include "fault.h"
#include "proxy.h"
#include "record.h"
#include "tcp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE 512
#define WORDS 8

static struct client {
	int fd; /* -1: free */
	char line[LINE];
	size_t have;
} clients[CONTROL_CLIENTS];

static int listener = -1, command_pid;
static const char *socket_path;
static struct tpm *the_tpm;

/* ---- commands: each writes its answer, or returns what is wrong ------- */

static const char *do_count(char **w, size_t n, FILE *out)
{
	(void)w, (void)n;
	proxy_print_count(out);
	return NULL;
}

static const char *do_busy(char **w, size_t n, FILE *out)
{
	uint32_t cc;

	(void)w, (void)n;
	if (proxy_is_busy(&cc))
		fprintf(out, "0x%03x", cc);
	else
		fprintf(out, "idle");
	return NULL;
}

static const char *do_log(char **w, size_t n, FILE *out)
{
	(void)w, (void)n;
	record_print_log(out);
	return NULL;
}

static const char *do_reset(char **w, size_t n, FILE *out)
{
	(void)w, (void)n, (void)out;
	record_reset();
	return NULL;
}

static const char *do_handles(char **w, size_t n, FILE *out)
{
	(void)w, (void)n;
	if (the_tpm->fd < 0)
		return "the TPM is gone";
	proxy_settle();
	tpm_print_handles(the_tpm, out);
	return NULL;
}

/* "delay MS ..." is the same as "fault delay MS ...". */
static const char *do_delay(char **w, size_t n, FILE *out)
{
	(void)out;
	return fault_add(w, n);
}

static const char *do_fault(char **w, size_t n, FILE *out)
{
	(void)out;
	return fault_add(w + 1, n - 1);
}

static const char *do_clear(char **w, size_t n, FILE *out)
{
	(void)w, (void)n, (void)out;
	fault_clear();
	proxy_hasten();
	return NULL;
}

static const char *do_chip(char **w, size_t n, FILE *out)
{
	(void)out;
	if (n > 2 && strcmp(w[2], "swaps") != 0)
		return "after the chip's name only \"swaps\" may follow";
	return chip_be(n > 1 ? w[1] : NULL, n > 2) ? NULL : "no such chip";
}

static const char *do_chips(char **w, size_t n, FILE *out)
{
	(void)w, (void)n;
	chip_print_all(out);
	return NULL;
}

static const char *do_vanish(char **w, size_t n, FILE *out)
{
	(void)w, (void)n, (void)out;
	proxy_vanish();
	return NULL;
}

static int errno_of(const char *name)
{
	static const struct {
		const char *name;
		int value;
	} names[] = {
		{"ENOENT", ENOENT}, {"EACCES", EACCES}, {"EPERM", EPERM}, {"EBUSY", EBUSY},
		{"EIO", EIO},       {"ENODEV", ENODEV}, {"ENXIO", ENXIO}, {"ENOMEM", ENOMEM},
		{"EMFILE", EMFILE}, {"ENFILE", ENFILE}, {"EINTR", EINTR},
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i].name, name) == 0)
			return names[i].value;
	return -1;
}

static const char *set_open(const char *name, int value)
{
	for (int i = 0; i < DEVICE_COUNT; i++) {
		if (strcmp(name, device_paths[i] + strlen("/dev/")) == 0) {
			proxy_set_open((enum device)i, value);
			if (i == DEVICE_TPMRM0)
				tcp_open(value == 0);
			return NULL;
		}
	}
	return "no such device";
}

static const char *do_refuse(char **w, size_t n, FILE *out)
{
	int value = n > 1 ? errno_of(w[1]) : ENOENT;

	(void)out;
	if (value < 0)
		return "no such errno";
	return set_open(n > 2 ? w[2] : "tpmrm0", value);
}

static const char *do_absent(char **w, size_t n, FILE *out)
{
	const char *wrong = do_refuse(w, n, out);

	if (wrong == NULL)
		proxy_vanish();
	return wrong;
}

static const char *do_present(char **w, size_t n, FILE *out)
{
	(void)out;
	return set_open(n > 1 ? w[1] : "tpmrm0", 0);
}

static const char *do_kill(char **w, size_t n, FILE *out)
{
	(void)w, (void)n, (void)out;
	tpm_stop(the_tpm, false);
	proxy_tpm_lost();
	return NULL;
}

static const char *do_restart(char **w, size_t n, FILE *out)
{
	(void)w, (void)n, (void)out;
	proxy_settle();
	tpm_stop(the_tpm, true);
	if (tpm_start(the_tpm, the_tpm->state) != 0)
		return "swtpm does not start";
	proxy_tpm_reset();
	return NULL;
}

static const char *do_pid(char **w, size_t n, FILE *out)
{
	(void)w, (void)n;
	fprintf(out, "%d", command_pid);
	return NULL;
}

static const char *do_help(char **w, size_t n, FILE *out);

static const struct {
	const char *name;
	size_t min, max; /* how many words, the command among them */
	const char *(*run)(char **words, size_t n, FILE *out);
	const char *usage;
} commands[] = {
	{"count", 1, 1, do_count, "how many commands there were, by code"},
	{"log", 1, 1, do_log, "[[session,cc,rc,ms],...]"},
	{"busy", 1, 1, do_busy, "the code of the command that is under way, or idle"},
	{"reset", 1, 1, do_reset, "forget the count and the log"},
	{"handles", 1, 1, do_handles, "what is loaded, asked from the TPM"},
	{"delay", 2, 5, do_delay, "MS [CC|*] [N|*] [SKIP]"},
	{"fault", 2, 6, do_fault, "KIND [VALUE] [CC|*] [N|*] [SKIP]"},
	{"clear", 1, 1, do_clear, "end all delays and faults"},
	{"chip", 1, 3, do_chip, "[NAME [swaps]]: each command takes that chip's time"},
	{"chips", 1, 1, do_chips, "the times of all chips, in ms"},
	{"vanish", 1, 1, do_vanish, "end all sessions"},
	{"refuse", 1, 3, do_refuse, "[ERRNO] [tpmrm0|tpm0]: opens fail"},
	{"absent", 1, 3, do_absent, "[ERRNO] [tpmrm0|tpm0]: opens fail, sessions end"},
	{"present", 1, 2, do_present, "[tpmrm0|tpm0]: opens succeed"},
	{"kill", 1, 1, do_kill, "kill the TPM"},
	{"restart", 1, 1, do_restart, "TPM reset: Shutdown, power off and on, same state"},
	{"pid", 1, 1, do_pid, "the command's process id"},
	{"help", 1, 1, do_help, "this list, as JSON"},
};
#define COMMANDS (sizeof commands / sizeof *commands)

static const char *do_help(char **w, size_t n, FILE *out)
{
	(void)w, (void)n;
	fprintf(out, "{\"commands\":{");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "%s\"%s\":\"%s\"", i == 0 ? "" : ",", commands[i].name,
			commands[i].usage);
	fprintf(out, "},\"faults\":{");
	for (size_t i = 0; i < fault_kind_count; i++)
		fprintf(out, "%s\"%s\":\"%s\"", i == 0 ? "" : ",", fault_kinds[i].name,
			fault_kinds[i].help);
	fprintf(out, "}}");
	return NULL;
}

/* ---- lines ----------------------------------------------------------- */

static const char *dispatch(char *line, FILE *out)
{
	char *words[WORDS], *rest = line;
	size_t n = 0;

	while (n < WORDS && (words[n] = strtok_r(rest, " \t\r", &rest)) != NULL)
		n++;
	for (size_t i = 0; n > 0 && i < COMMANDS; i++) {
		if (strcmp(words[0], commands[i].name) != 0)
			continue;
		if (n < commands[i].min || n > commands[i].max)
			return "wrong number of words";
		return commands[i].run(words, n, out);
	}
	return "no such command";
}

/* Answers one line. Returns whether the connection goes on. */
static bool run_line(struct client *c, char *line)
{
	char *text = NULL;
	size_t n = 0, sent = 0;
	FILE *out = open_memstream(&text, &n);
	const char *wrong;

	if (out == NULL)
		return false;
	wrong = dispatch(line, out);
	if (wrong != NULL)
		fprintf(out, "error %s", wrong);
	else if (ftell(out) == 0)
		fprintf(out, "ok");
	fprintf(out, "\n");
	fclose(out);
	while (sent < n) {
		ssize_t k = send(c->fd, text + sent, n - sent, MSG_NOSIGNAL);
		if (k <= 0)
			break;
		sent += (size_t)k;
	}
	free(text);
	return sent == n;
}

static bool serve(struct client *c)
{
	ssize_t got = recv(c->fd, c->line + c->have, LINE - c->have, 0);
	char *end;

	if (got <= 0)
		return false;
	c->have += (size_t)got;
	while ((end = memchr(c->line, '\n', c->have)) != NULL) {
		size_t used = (size_t)(end + 1 - c->line);

		*end = '\0';
		if (!run_line(c, c->line))
			return false;
		c->have -= used;
		memmove(c->line, c->line + used, c->have);
	}
	return c->have < LINE;
}

/* ---- sockets --------------------------------------------------------- */

int listen_at(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	unlink(path);
	snprintf(sa.sun_path, sizeof sa.sun_path, "%s", path);
	if (fd < 0 || strlen(path) >= sizeof sa.sun_path ||
	    bind(fd, (struct sockaddr *)&sa, sizeof sa) != 0 || listen(fd, 16) != 0) {
		fprintf(stderr, "swtpm-run: %s: %s\n", path, strerror(errno));
		return -1;
	}
	return fd;
}

void control_set_pid(int pid)
{
	command_pid = pid;
}

int control_init(const char *path, struct tpm *tpm)
{
	the_tpm = tpm;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		clients[i].fd = -1;
	if (path == NULL)
		return 0;
	socket_path = path;
	listener = listen_at(path);
	return listener < 0 ? -1 : 0;
}

void control_end(void)
{
	if (listener >= 0)
		unlink(socket_path);
}

size_t control_poll(struct pollfd *fds)
{
	size_t n = 0;

	fds[n++] = (struct pollfd){listener, POLLIN, 0};
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		if (clients[i].fd >= 0)
			fds[n++] = (struct pollfd){clients[i].fd, POLLIN, 0};
	return n;
}

static void accept_client(void)
{
	struct timeval patience = {5, 0};
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		if (clients[i].fd < 0) {
			clients[i].fd = fd;
			clients[i].have = 0;
			return;
		}
	}
	close(fd);
}

void control_run(const struct pollfd *fds, size_t n)
{
	for (size_t k = 1; k < n; k++) {
		for (size_t i = 0; fds[k].revents != 0 && i < CONTROL_CLIENTS; i++) {
			struct client *c = &clients[i];

			if (c->fd == fds[k].fd && !serve(c)) {
				close(c->fd);
				c->fd = -1;
			}
		}
	}
	if (fds[0].revents != 0)
		accept_client();
}
