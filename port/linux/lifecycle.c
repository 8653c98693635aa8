#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "auth_value.h"
#include "err.h"
#include "lifecycle.h"
#include "log.h"
#include "option_files.h"
#include "passed_sockets.h"
#include "port.h"

/* This system call has the same number on every kind of machine. */
#define CLOSE_RANGE 436
/* If the kernel lacks it: descriptors below this number are closed one by one. */
#define INHERITED_MAX 4096

int signals_fd = -1;

/*
 * An initramfs may start us without standard input, output or error. The next
 * files opened must not get their numbers, or the log would be written to a
 * client. What is opened in their place cannot be used in the usual direction,
 * so that writing a reply to a closed standard output still fails.
 */
static void fill_standard_fds(void)
{
	static const int flags[3] = {O_WRONLY, O_RDONLY, O_RDWR};
	struct pollfd p[3] = {{.fd = 0}, {.fd = 1}, {.fd = 2}};

	if (poll(p, 3, 0) < 0) {
		return;
	}
	for (unsigned i = 0; i < 3; i++) {
		/* open takes the lowest free number, which is i; "/" always exists */
		if ((p[i].revents & POLLNVAL) != 0 && open("/dev/null", flags[i]) < 0) {
			(void)!open("/", O_RDONLY);
		}
	}
}

static bool inherited; /* descriptors that we were started with may still be open */

/*
 * A shell or a supervisor may have left descriptors open by mistake. They would
 * stay open as long as attestd runs, and an intruder could use them.
 */
static void close_inherited(void)
{
	unsigned first = PASSED_FD + passed_sockets_count();

	if (!inherited) {
		return;
	}
	inherited = false;
	if (syscall(CLOSE_RANGE, first, ~0U, 0) < 0) { /* before Linux 5.9 */
		for (unsigned fd = first; fd < INHERITED_MAX; fd++) {
			(void)close((int)fd);
		}
	}
}

int port_run(int argc, char **argv, int (*body)(int argc, char **argv))
{
	fill_standard_fds();
	inherited = true;
	log_open();
	return body(argc, argv);
}

/*
 * nohup has SIGHUP ignored, and a shell without job control SIGINT of programs
 * in the background. If such a signal were blocked, it would be delivered to
 * signals_fd all the same. This is the system call itself, because nothing else
 * needs sigaction (1 kB); the handler is the first member of what it returns.
 */
static bool is_ignored(int sig)
{
	uintptr_t old[16] = {0};

	return syscall(SYS_rt_sigaction, sig, NULL, old, _NSIG / 8) == 0 &&
	       old[0] == (uintptr_t)SIG_IGN;
}

void signals_block_pipe(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGPIPE);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
}

int signals_take(void)
{
	static const int optional[] = {SIGINT, SIGHUP};
	sigset_t set;

	if (signals_fd >= 0) {
		return 0;
	}
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	for (unsigned i = 0; i < sizeof(optional) / sizeof(optional[0]); i++) {
		if (!is_ignored(optional[i])) {
			(void)sigaddset(&set, optional[i]);
		}
	}
	signals_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	signals_block_pipe();
	if (signals_fd < 0) {
		log_reason(PORT_LOG_ERROR, "cannot take signals", NULL, errno);
		return -ERR_IO;
	}
	return 0;
}

/*
 * systemd's sd_notify: datagrams to the socket that NOTIFY_SOCKET names. It is
 * connected early, because no socket can be opened in the sandbox.
 */
static int notify_fd = -1;
static const char cannot_notify[] = "cannot notify";
static const char news[][12] = {"READY=1", "STOPPING=1"};
#define NEWS (sizeof(news) / sizeof(news[0]))
static bool unsent[NEWS]; /* the supervisor's queue had no room for it yet */

/* In this order. A supervisor that is not told would wait in vain. */
void notify_go_on(void)
{
	for (unsigned i = 0; i < NEWS; i++) {
		if (!unsent[i]) {
			continue;
		}
		if (write(notify_fd, news[i], strlen(news[i])) < 0) {
			if (errno == EAGAIN) {
				return;
			}
			log_reason(PORT_LOG_WARNING, cannot_notify, NULL, errno);
		}
		unsent[i] = false;
	}
}

int notify_waits(void)
{
	return unsent[0] || unsent[1] ? notify_fd : -1;
}

static void notify(unsigned i)
{
	unsent[i] = notify_fd >= 0;
	notify_go_on();
}

static void notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	socklen_t head = offsetof(struct sockaddr_un, sun_path);
	size_t n;

	if (path == NULL || (path[0] != '/' && path[0] != '@')) {
		return;
	}
	n = strlen(path);
	if (n >= sizeof(a.sun_path)) {
		return;
	}
	memcpy(a.sun_path, path, n);
	if (path[0] == '@') {
		a.sun_path[0] = '\0'; /* abstract: its end is given by the length */
	}
	notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (notify_fd < 0 || connect(notify_fd, (struct sockaddr *)&a, head + (socklen_t)n) < 0) {
		log_reason(PORT_LOG_WARNING, cannot_notify, path, errno);
		(void)close(notify_fd);
		notify_fd = -1;
	}
}

void port_state(enum port_state state)
{
	if (state == PORT_STARTING) {
		/* Before descriptors are closed: a file may be one of them. port_listen
		 * returns the error. */
		(void)option_files_read_once();
		close_inherited();
		notify_open();
	} else if (state == PORT_READY) {
		notify(0);
	} else if (state == PORT_STOPPING) {
		notify(1);
	} else if (state == PORT_STOPPED) {
		notify_go_on(); /* there may be room now, and this is the last time */
		auth_value_wipe();
	}
}
