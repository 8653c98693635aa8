/*
 * swtpm-run: runs a command that finds a software TPM at /dev/tpmrm0.
 *
 * The command is any program, static or not, unmodified. All its descendants find the
 * TPM there, too. Between them and the TPM is a proxy that counts, records and delays TPM
 * commands and makes faults, as the control socket tells it.
 *
 * Exit status: the command's; 128 + N if signal N ended it; 125 if the TPM
 * could not be started or the kernel has no seccomp user notification.
 */
#include "lib/chip.h"
#include "lib/control.h"
#include "lib/proxy.h"
#include "lib/record.h"
#include "lib/tcp.h"
#include "lib/tpm.h"
#include "lib/tracee.h"

#include <errno.h>
#include <ftw.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FAILED 125

static const char usage[] =
	"usage: swtpm-run [OPTION...] [--] COMMAND...\n"
	"Runs COMMAND with a software TPM in the place of the TPM's device file.\n"
	"  --state DIR      the folder of the TPM's state (default: a new one, which is\n"
	"                   removed at the end)\n"
	"  --device NAME    which device files there are: tpmrm0 (default), tpm0 or both\n"
	"  --absent         there is no device until the control command `present'\n"
	"  --control SOCK   listen on this Unix socket for control commands, one a line;\n"
	"                   `help' lists them\n"
	"  --listen SOCK    listen on this Unix socket for raw TPM commands. Each connection\n"
	"                   is like one more open of /dev/tpmrm0 (tpm2 -T 'cmd:nc -U SOCK')\n"
	"  --tcp            instead of device files, listen on a port of 127.0.0.1. Each\n"
	"                   connection is like an open; COMMAND finds the port's number in\n"
	"                   ATTESTD_TEST_TPM\n"
	"  --endorsement-auth TEXT  if the TPM's endorsementAuth is empty, set it to this,\n"
	"                   as Windows does. An empty TEXT changes nothing\n"
	"  --chip NAME      let each TPM command take as long as that chip takes; the\n"
	"                   control command `chips' lists the chips\n"
	"  --log FILE       write a line for each TPM command to this file\n"
	"  --trace FILE     write each TPM command and response to this file, in hex\n";

struct options {
	const char *state, *control, *listen, *endorsement_auth, *log, *trace;
	bool device[DEVICE_COUNT];
	bool absent, tcp;
	char **command;
};

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"state", required_argument, NULL, 's'},
		{"device", required_argument, NULL, 'd'},
		{"absent", no_argument, NULL, 'a'},
		{"control", required_argument, NULL, 'c'},
		{"listen", required_argument, NULL, 'r'},
		{"tcp", no_argument, NULL, 'p'},
		{"log", required_argument, NULL, 'l'},
		{"trace", required_argument, NULL, 't'},
		{"endorsement-auth", required_argument, NULL, 'e'},
		{"chip", required_argument, NULL, 'k'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *device = "tpmrm0";
	int c;

	while ((c = getopt_long(argc, argv, "+h", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			o->state = optarg;
			break;
		case 'd':
			device = optarg;
			break;
		case 'a':
			o->absent = true;
			break;
		case 'c':
			o->control = optarg;
			break;
		case 'r':
			o->listen = optarg;
			break;
		case 'p':
			o->tcp = true;
			break;
		case 'e':
			o->endorsement_auth = optarg;
			break;
		case 'k':
			if (!chip_be(optarg, false))
				return -1;
			break;
		case 'l':
			o->log = optarg;
			break;
		case 't':
			o->trace = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			return -1;
		}
	}
	bool both = strcmp(device, "both") == 0;
	o->device[DEVICE_TPMRM0] = both || strcmp(device, "tpmrm0") == 0;
	o->device[DEVICE_TPM0] = both || strcmp(device, "tpm0") == 0;
	o->command = argv + optind;
	if (optind == argc || !(o->device[DEVICE_TPMRM0] || o->device[DEVICE_TPM0]))
		return -1;
	return 0;
}

/* ---- folders --------------------------------------------------------- */

/* The launcher's own folder, for the TPM's socket, and for its state without --state. */
static char work_dir[64];

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int make_work_dir(struct tpm *t, const char **state)
{
	static char own[80];
	const char *tmp = getenv("TMPDIR");

	if (tmp == NULL || strlen(tmp) > 30)
		tmp = "/tmp";
	snprintf(work_dir, sizeof work_dir, "%s/swtpm-run.XXXXXX", tmp);
	if (mkdtemp(work_dir) == NULL) {
		perror("swtpm-run: temporary folder");
		return -1;
	}
	snprintf(t->socket, sizeof t->socket, "%s/tpm", work_dir);
	snprintf(own, sizeof own, "%s/state", work_dir);
	if (*state == NULL)
		*state = own;
	if (mkdir(*state, 0700) != 0 && errno != EEXIST) {
		fprintf(stderr, "swtpm-run: %s: %s\n", *state, strerror(errno));
		return -1;
	}
	return 0;
}

/* ---- the loop -------------------------------------------------------- */

enum { FD_SIGNAL, FD_OPENS, FD_RAW, FD_TCP, FD_CONTROL };
#define FDS (FD_CONTROL + CONTROL_FDS + PROXY_FDS)

/* Returns whether the command has ended; then *status is its wait status. */
static bool take_signals(int fd, int pid, int *status)
{
	struct signalfd_siginfo si;

	while (read(fd, &si, sizeof si) == sizeof si) {
		/* SI_KERNEL: from the terminal, which has sent it to the command, too. */
		if (si.ssi_signo != SIGCHLD && si.ssi_code != SI_KERNEL)
			kill(pid, (int)si.ssi_signo);
	}
	return waitpid(pid, status, WNOHANG) == pid;
}

static int loop(int pid, int signals, int opens, int raw)
{
	struct pollfd fds[FDS];
	int status = 0;

	for (;;) {
		int64_t deadline = INT64_MAX, left = -1;
		struct timespec wait;
		size_t controls, sessions;

		fds[FD_SIGNAL] = (struct pollfd){signals, POLLIN, 0};
		fds[FD_OPENS] = (struct pollfd){opens, POLLIN, 0};
		fds[FD_RAW] = (struct pollfd){raw, POLLIN, 0};
		fds[FD_TCP] = (struct pollfd){tcp_listener(), POLLIN, 0};
		controls = control_poll(fds + FD_CONTROL);
		sessions = proxy_poll(fds + FD_CONTROL + controls, &deadline);
		if (deadline != INT64_MAX) {
			left = deadline - now_us();
			left = left < 0 ? 0 : left;
			wait = (struct timespec){left / 1000000, left % 1000000 * 1000};
		}
		if (ppoll(fds, FD_CONTROL + controls + sessions, left < 0 ? NULL : &wait, NULL) <
		    0) {
			perror("swtpm-run: poll");
			return -1;
		}
		/* First of all: a new session might get the descriptor of one that is in this poll. */
		proxy_run(fds + FD_CONTROL + controls, sessions);
		if (fds[FD_OPENS].revents & POLLIN)
			tracee_answer(opens, proxy_open);
		else if (fds[FD_OPENS].revents != 0)
			opens = -1; /* no process is left under the filter */
		if (fds[FD_RAW].revents != 0) {
			int fd = accept(raw, NULL, NULL);
			if (fd >= 0)
				proxy_adopt(fd);
		}
		if (fds[FD_TCP].revents != 0) {
			int fd = tcp_accept();
			if (fd >= 0)
				proxy_adopt(fd);
		}
		control_run(fds + FD_CONTROL, controls);
		if (fds[FD_SIGNAL].revents != 0 && take_signals(signals, pid, &status))
			return status;
	}
}

static int catch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* MUST come before the start of the command, which inherits the variable. */
static int start_tcp(bool accepts)
{
	char port[12];
	int number = tcp_reserve();

	if (number < 0)
		return -1;
	snprintf(port, sizeof port, "%d", number);
	tcp_open(accepts);
	return setenv("ATTESTD_TEST_TPM", port, 1);
}

/* Runs the command to its end. Returns its wait status, or -1. */
static int run(const struct options *o, struct tpm *t, int signals)
{
	int opens = -1, raw = -1, pid, status = -1;

	proxy_init(t);
	for (int i = 0; i < DEVICE_COUNT; i++)
		proxy_set_open((enum device)i, o->device[i] && !o->absent ? 0 : ENOENT);
	if (o->listen != NULL && (raw = listen_at(o->listen)) < 0)
		return -1;
	if (o->tcp && start_tcp(o->device[DEVICE_TPMRM0] && !o->absent) != 0)
		return -1;
	if (control_init(o->control, t) == 0) {
		pid = tracee_start(o->command, o->tcp ? NULL : &opens);
		if (pid > 0) {
			control_set_pid(pid);
			status = loop(pid, signals, opens, raw);
		}
	}
	control_end();
	if (raw >= 0)
		unlink(o->listen);
	return status;
}

static FILE *open_log(const char *path)
{
	FILE *log = path == NULL ? NULL : fopen(path, "ae");

	if (path != NULL && log == NULL) {
		fprintf(stderr, "swtpm-run: %s: %s\n", path, strerror(errno));
		exit(FAILED);
	}
	return log;
}

int main(int argc, char **argv)
{
	struct options o = {0};
	struct tpm t = {.fd = -1};
	int status = -1, signals;

	if (parse(argc, argv, &o) != 0) {
		fputs(usage, stderr);
		return 64;
	}
	record_to(open_log(o.log));
	trace_to(open_log(o.trace));
	signals = catch_signals();
	if (make_work_dir(&t, &o.state) == 0 && tpm_start(&t, o.state) == 0) {
		/* An endorsementAuth that the TPM has already is not changed. */
		if (o.endorsement_auth != NULL && o.endorsement_auth[0] != '\0')
			tpm_set_endorsement_auth(&t, o.endorsement_auth);
		status = run(&o, &t, signals);
	}
	tpm_stop(&t, true);
	if (work_dir[0] != '\0')
		nftw(work_dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	if (status == -1)
		return FAILED;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
