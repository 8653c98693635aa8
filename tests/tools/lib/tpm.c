/*
 * The software TPM's process and its one connection.
 */
#include "tpm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_MS 10000
#define ANSWER_MS 120000 /* swtpm needs long for some keys */
#define STOP_MS 3000

uint32_t tpm_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

void tpm_put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void pause_ms(long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&ts, NULL);
}

static int spawn(struct tpm *t)
{
	char dir[4200], server[128], log[128];
	int parent = getpid();

	snprintf(log, sizeof log, "%s.log", t->socket);
	snprintf(dir, sizeof dir, "dir=%s", t->state);
	snprintf(server, sizeof server, "type=unixio,path=%s", t->socket);
	t->pid = fork();
	if (t->pid != 0)
		return t->pid < 0 ? -1 : 0;
	/* swtpm ends when the launcher is killed, but does not get the signals of the
		 * launcher's terminal. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	setpgid(0, 0);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	int in = open("/dev/null", O_RDONLY);
	int out = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (in >= 0 && out >= 0) {
		dup2(in, STDIN_FILENO);
		dup2(out, STDOUT_FILENO);
		dup2(out, STDERR_FILENO);
	}
	execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", dir, "--server", server,
	       "--flags", "not-need-init,startup-clear", (char *)NULL);
	perror("swtpm");
	_exit(127);
}

/* Shows what swtpm has written, if it did not start. */
static void show_log(const struct tpm *t)
{
	char path[128], text[4096];
	int fd;

	snprintf(path, sizeof path, "%s.log", t->socket);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ssize_t n = read(fd, text, sizeof text);
	if (n > 0)
		fwrite(text, 1, (size_t)n, stderr);
	close(fd);
}

static int dial(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof sa.sun_path, "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof sa) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int tpm_start(struct tpm *t, const char *state)
{
	uint32_t some;

	t->state = state;
	t->fd = -1;
	unlink(t->socket);
	if (spawn(t) != 0)
		return -1;
	for (int waited = 0; waited < START_MS; waited += 2) {
		t->fd = dial(t->socket);
		if (t->fd >= 0)
			break;
		if (waitpid(t->pid, NULL, WNOHANG) == t->pid) {
			t->pid = 0;
			break;
		}
		pause_ms(2);
	}
	if (t->fd >= 0) {
		tpm_handles(t, 0x80000000U, &some, 1);
		if (t->fd >= 0)
			return 0;
	}
	fprintf(stderr, "swtpm-run: swtpm does not answer\n");
	show_log(t);
	tpm_stop(t, false);
	return -1;
}

static void hang_up(struct tpm *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

void tpm_stop(struct tpm *t, bool orderly)
{
	static const uint8_t shutdown_clear[] = {0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x45, 0, 0};
	uint8_t rsp[TPM_BUFFER];

	if (orderly && t->fd >= 0 && tpm_send(t, shutdown_clear, sizeof shutdown_clear) == 0)
		tpm_receive(t, rsp);
	hang_up(t);
	if (t->pid > 0) {
		kill(t->pid, orderly ? SIGTERM : SIGKILL);
		for (int waited = 0; t->pid > 0; waited += 2) {
			if (waitpid(t->pid, NULL, WNOHANG) != 0) {
				t->pid = 0;
				break;
			}
			if (waited >= STOP_MS)
				kill(t->pid, SIGKILL);
			pause_ms(2);
		}
	}
	unlink(t->socket);
}

int tpm_send(struct tpm *t, const uint8_t *cmd, size_t n)
{
	while (t->fd >= 0 && n > 0) {
		ssize_t sent = send(t->fd, cmd, n, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0) {
			hang_up(t);
			break;
		}
		cmd += sent;
		n -= (size_t)sent;
	}
	return t->fd >= 0 ? 0 : -1;
}

size_t tpm_receive(struct tpm *t, uint8_t *rsp)
{
	size_t have = 0, size = TPM_HEADER;

	while (t->fd >= 0 && have < size) {
		struct pollfd p = {.fd = t->fd, .events = POLLIN};
		ssize_t got = -1;

		if (poll(&p, 1, ANSWER_MS) == 1)
			got = read(t->fd, rsp + have, size - have);
		if (got <= 0) {
			hang_up(t);
			break;
		}
		have += (size_t)got;
		if (have == TPM_HEADER)
			size = tpm_u32(rsp + 2);
		if (size > TPM_BUFFER || size < TPM_HEADER)
			hang_up(t);
	}
	return t->fd >= 0 ? have : 0;
}

bool tpm_flush(struct tpm *t, uint32_t handle)
{
	uint8_t cmd[14] = {0x80, 1, 0, 0, 0, 14, 0, 0, 1, 0x65};
	uint8_t rsp[TPM_BUFFER];

	tpm_put32(cmd + 10, handle);
	if (tpm_send(t, cmd, sizeof cmd) != 0)
		return false;
	return tpm_receive(t, rsp) >= TPM_HEADER && tpm_u32(rsp + 6) == 0;
}

bool tpm_set_endorsement_auth(struct tpm *t, const char *auth)
{
	/* HierarchyChangeAuth of TPM_RH_ENDORSEMENT, with an empty password. */
	uint8_t cmd[27 + 2 + TPM_AUTH_MAX] = {0x80, 2, 0,  0, 0, 0, 0, 0,    1, 0x29, 0x40,
					      0,    0, 11, 0, 0, 0, 9, 0x40, 0, 0,    9};
	uint8_t rsp[TPM_BUFFER];
	size_t n = strlen(auth);

	if (n > TPM_AUTH_MAX)
		return false;
	cmd[28] = (uint8_t)n;
	memcpy(cmd + 29, auth, n);
	tpm_put32(cmd + 2, (uint32_t)(29 + n));
	return tpm_send(t, cmd, 29 + n) == 0 && tpm_receive(t, rsp) >= TPM_HEADER &&
	       tpm_u32(rsp + 6) == 0;
}

size_t tpm_handles(struct tpm *t, uint32_t first, uint32_t *handles, size_t cap)
{
	/* TPM_CAP_HANDLES; the answer: moreData, capability, count, handles. */
	uint8_t cmd[22] = {0x80, 1, 0, 0, 0, 22, 0, 0, 1, 0x7A, 0, 0, 0, 1};
	uint8_t rsp[TPM_BUFFER];
	size_t n, count = 0;

	tpm_put32(cmd + 14, first);
	tpm_put32(cmd + 18, (uint32_t)cap);
	if (tpm_send(t, cmd, sizeof cmd) != 0)
		return 0;
	n = tpm_receive(t, rsp);
	if (n < TPM_HEADER + 9 || tpm_u32(rsp + 6) != 0)
		return 0;
	for (const uint8_t *p = rsp + 19; p + 4 <= rsp + n && count < cap; p += 4)
		handles[count++] = tpm_u32(p);
	return count;
}

void tpm_print_handles(struct tpm *t, FILE *out)
{
	static const struct {
		const char *name;
		uint32_t first;
	} kinds[] = {
		{"transient", 0x80000000U},
		{"loaded_sessions", 0x02000000U},
		{"saved_sessions", 0x03000000U},
	};
	uint32_t handles[64];

	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
		size_t n = tpm_handles(t, kinds[k].first, handles, 64);

		fprintf(out, "%s\"%s\":[", k == 0 ? "{" : ",", kinds[k].name);
		for (size_t i = 0; i < n; i++)
			fprintf(out, "%s\"0x%08x\"", i == 0 ? "" : ",", handles[i]);
		fprintf(out, "]");
	}
	fprintf(out, "}");
}
