/*
 * The filter, and the answers to what it reports.
 *
 * The filter reports three system calls. All but an open of a TPM's device file are told to
 * continue. The path is read when the call is reported; another thread could change it
 * before the kernel reads it. So this is for tests, and is no sandbox.
 */
#include "tracee.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_ADDFD_FLAG_SEND
#define SECCOMP_ADDFD_FLAG_SEND (1UL << 1)
#endif

const char *const device_paths[DEVICE_COUNT] = {"/dev/tpmrm0", "/dev/tpm0"};

/* Each architecture's numbers of the calls, and their arguments; 0: there is no such call. */
struct arch {
	uint32_t audit;
	int open, openat, openat2;
};
static const struct arch arches[] = {
	{AUDIT_ARCH_X86_64, 2, 257, 437}, {AUDIT_ARCH_I386, 5, 295, 437},
	{AUDIT_ARCH_AARCH64, 0, 56, 437}, {AUDIT_ARCH_ARM, 5, 322, 437},
	{AUDIT_ARCH_RISCV64, 0, 56, 437},
};
#define ARCHES (sizeof arches / sizeof *arches)

/* ---- the filter ------------------------------------------------------ */

static int install_filter(void)
{
	struct sock_filter f[2 + 7 * ARCHES];
	unsigned short n = 0;
	int fd;

	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					      offsetof(struct seccomp_data, arch));
	for (size_t i = 0; i < ARCHES; i++) {
		const struct arch *a = &arches[i];
		int open = a->open != 0 ? a->open : a->openat;

		f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, a->audit, 0, 6);
		f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						      offsetof(struct seccomp_data, nr));
		f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, open, 2, 0);
		f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, a->openat, 1, 0);
		f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, a->openat2, 0, 1);
		f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
		f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);

	struct sock_fprog prog = {.len = n, .filter = f};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -1;
	/* Where the kernel can do so, signals wait until an open is answered. */
	fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			  SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
			  &prog);
	if (fd < 0 && errno == EINVAL)
		fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				  SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
	return fd;
}

/* ---- starting -------------------------------------------------------- */

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (write(fd, text, strlen(text)) < 0)
			perror(path);
		close(fd);
	}
}

/*
 * A privilege is needed to read a path in a process that is not dumpable. Users other than
 * root have it in a user namespace of their own.
 */
static void gain_privilege(void)
{
	char map[64];
	unsigned uid = geteuid(), gid = getegid();

	if (uid == 0)
		return;
	if (unshare(CLONE_NEWUSER) != 0) {
		fprintf(stderr,
			"swtpm-run: no user namespace (%s): programs that make themselves\n"
			"  undumpable, as attestd does, see no TPM; run as root\n",
			strerror(errno));
		return;
	}
	write_text("/proc/self/setgroups", "deny");
	snprintf(map, sizeof map, "%u %u 1", uid, uid);
	write_text("/proc/self/uid_map", map);
	snprintf(map, sizeof map, "%u %u 1", gid, gid);
	write_text("/proc/self/gid_map", map);
}

union fd_message {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static int send_fd(int to, int fd)
{
	char byte = 0;
	struct iovec io = {&byte, 1};
	union fd_message u;
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};

	memset(&u, 0, sizeof u);
	m.msg_control = u.bytes;
	m.msg_controllen = sizeof u.bytes;
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	return sendmsg(to, &m, 0) == 1 ? 0 : -1;
}

static int receive_fd(int from)
{
	char byte;
	struct iovec io = {&byte, 1};
	union fd_message u;
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};
	int fd = -1;

	m.msg_control = u.bytes;
	m.msg_controllen = sizeof u.bytes;
	if (recvmsg(from, &m, MSG_CMSG_CLOEXEC) != 1)
		return -1;
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	if (c != NULL && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof fd);
	return fd;
}

/* channel -1: no filter. */
static void run_child(char **argv, int channel, int parent)
{
	sigset_t none;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (channel >= 0) {
		fd = install_filter();
		if (fd < 0 || send_fd(channel, fd) != 0) {
			perror("swtpm-run: seccomp");
			_exit(125);
		}
		close(fd);
		close(channel);
	}
	execvp(argv[0], argv);
	fprintf(stderr, "swtpm-run: %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

int tracee_start(char **argv, int *listener)
{
	int pair[2], parent = getpid();
	pid_t pid;

	if (listener == NULL) {
		pid = fork();
		if (pid == 0)
			run_child(argv, -1, parent);
		return pid;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
		perror("swtpm-run: socketpair");
		return -1;
	}
	gain_privilege();
	pid = fork();
	if (pid == 0)
		run_child(argv, pair[1], parent);
	close(pair[1]);
	*listener = pid > 0 ? receive_fd(pair[0]) : -1;
	close(pair[0]);
	if (*listener < 0) {
		fprintf(stderr, "swtpm-run: no notifications from the kernel\n");
		return -1;
	}
	return pid;
}

/* ---- answering ------------------------------------------------------- */

/* Copies at most n bytes of a process's memory. Returns how many it has copied. */
static size_t peek(pid_t pid, uint64_t address, void *to, size_t n)
{
	size_t in_page = 4096 - (size_t)(address & 4095);
	size_t first = n < in_page ? n : in_page;
	struct iovec here = {to, n};
	struct iovec there[2] = {
		{(void *)(uintptr_t)address, first},
		{(void *)(uintptr_t)(address + first), n - first},
	};
	ssize_t got = process_vm_readv(pid, &here, 1, there, first < n ? 2 : 1, 0);

	return got < 0 ? 0 : (size_t)got;
}

/* Returns the device that the call opens, or -1. *flags: those of open(2). */
static int wanted(const struct seccomp_notif *rq, uint64_t *flags)
{
	const struct seccomp_data *d = &rq->data;
	const struct arch *a = arches;
	char path[16] = "";
	uint64_t at;

	while (a < arches + ARCHES - 1 && a->audit != d->arch)
		a++;
	at = d->nr == a->open && a->open != 0 ? d->args[0] : d->args[1];
	*flags = d->nr == a->open && a->open != 0 ? d->args[1] : d->args[2];
	if (peek((pid_t)rq->pid, at, path, sizeof path) == 0)
		return -1;
	for (int i = 0; i < DEVICE_COUNT; i++) {
		size_t n = strlen(device_paths[i]) + 1;

		if (memcmp(path, device_paths[i], n) != 0)
			continue;
		if (d->nr == a->openat2 && peek((pid_t)rq->pid, d->args[2], flags, 8) != 8)
			return -1;
		return i;
	}
	return -1;
}

static void inject(int listener, uint64_t id, int fd, uint64_t flags)
{
	struct seccomp_notif_addfd add = {
		.id = id,
		.flags = SECCOMP_ADDFD_FLAG_SEND,
		.srcfd = (uint32_t)fd,
		.newfd_flags = (uint32_t)(flags & O_CLOEXEC),
	};

	if (flags & O_NONBLOCK)
		fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add) >= 0 || errno != EINVAL)
		return;
	/* Before Linux 5.14: in two steps. */
	add.flags = 0;
	int theirs = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
	struct seccomp_notif_resp rsp = {.id = id, .val = theirs};
	if (theirs < 0)
		rsp = (struct seccomp_notif_resp){.id = id, .error = -EMFILE};
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &rsp);
}

int tracee_answer(int listener, open_fn open_device)
{
	struct seccomp_notif rq;
	struct seccomp_notif_resp rsp;
	uint64_t flags;
	int device, fd;

	memset(&rq, 0, sizeof rq);
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &rq) != 0)
		return errno == EINTR || errno == ENOENT ? 0 : -1;
	rsp = (struct seccomp_notif_resp){.id = rq.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
	device = wanted(&rq, &flags);
	if (device >= 0 && ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &rq.id) != 0)
		return 0;
	if (device >= 0) {
		fd = open_device((enum device)device, (int)rq.pid);
		if (fd >= 0) {
			inject(listener, rq.id, fd, flags);
			close(fd);
			return 0;
		}
		rsp.flags = 0;
		rsp.error = fd;
	}
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &rsp);
	return 0;
}
