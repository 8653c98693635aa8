/*
 * Linked into the shipping build of attestd: when attestd is ready in its sandbox, tries what
 * the variable ATTESTD_PROBE_SANDBOX names, with the path in ATTESTD_PROBE_PATH if one is
 * needed. Logs "probe NAME" if it has succeeded, or "probe NAME: REASON".
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "linux/listen.h"
#include "linux/log.h"
#include "linux/sandbox_paths.h"
#include "port.h"

void __real_port_state(enum port_state state);
void __wrap_port_state(enum port_state state);

#define P(x) (long)(uintptr_t)(x)
#define PATH (-4242L) /* this argument stands for ATTESTD_PROBE_PATH */
#define PARENT (-4343L) /* and this one for the parent's process id */
#define X32 0x40000000L

#ifndef SYS_mmap /* on 32 bits mmap2, whose offset counts pages of 4 KiB */
#define SYS_mmap SYS_mmap2
#endif
#ifdef SYS_open
#define OPEN(name, path, flags) {name, SYS_open, {path, flags, 0600}}
#else
#define OPEN(name, path, flags) {name, SYS_openat, {AT_FDCWD, path, flags, 0600}}
#endif

static const struct rlimit more_files = {4096, 4096};
static char *const nothing[] = {NULL};
static const struct sockaddr_un journal = {AF_UNIX, "/run/systemd/journal/socket"};
static char buffer[4096];

static const struct {
	const char *name;
	long call, arguments[6];
} probes[] = {
	OPEN("open", PATH, O_RDONLY),
	OPEN("write", PATH, O_WRONLY),
	OPEN("truncate", PATH, O_WRONLY | O_TRUNC),
	OPEN("create", PATH, O_WRONLY | O_CREAT),
	OPEN("list", PATH, O_RDONLY | O_DIRECTORY),
	OPEN("tpm3", P(sandbox_paths.tpms[3]), O_RDWR),
	{"openat2", SYS_openat2, {AT_FDCWD, PATH, P(buffer), 24}},
	{"mkdir", SYS_mkdirat, {AT_FDCWD, PATH, 0700}},
	{"chmod", SYS_fchmodat, {AT_FDCWD, PATH, 0777}},
	{"rename", SYS_renameat2, {AT_FDCWD, PATH, AT_FDCWD, P("/tmp/attestd-probe")}},
	{"execve", SYS_execve, {P("/bin/true"), P(nothing), P(nothing)}},
	{"clone", SYS_clone, {SIGCHLD}},
	{"socket", SYS_socket, {AF_INET, SOCK_STREAM}},
	{"socketpair", SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0, P(buffer)}},
	{"connect", SYS_connect, {1, P(&journal), sizeof(journal)}},
	{"bind", SYS_bind, {1, P(&journal), sizeof(journal)}},
	{"sendto", SYS_sendto, {1, P(buffer), 1, 0, P(&journal), sizeof(journal)}},
	{"sendmsg", SYS_sendmsg, {1, P(buffer), 0}},
	{"ptrace", SYS_ptrace, {PTRACE_TRACEME}},
	{"process_vm_readv", SYS_process_vm_readv, {PARENT, P(buffer), 0, P(buffer), 0}},
	{"kill", SYS_kill, {PARENT, 0}},
	{"setuid", SYS_setuid, {0}},
	{"mount", SYS_mount, {P("none"), P("/tmp"), P("tmpfs")}},
	{"unshare", SYS_unshare, {0x10000000}},
	{"bpf", SYS_bpf, {0}},
	{"io_uring", SYS_io_uring_setup, {1, P(buffer)}},
	{"memfd", SYS_memfd_create, {P("x"), 0}},
	{"mmap_exec", SYS_mmap, {0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1}},
	{"mmap", SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1}},
	{"mprotect_exec", SYS_mprotect, {P(buffer), 4096, PROT_READ | PROT_EXEC}},
	{"unprotect_paths", SYS_mprotect, {P(&sandbox_paths), 4096, PROT_READ | PROT_WRITE}},
	{"nofile", SYS_prlimit64, {0, RLIMIT_NOFILE, P(&more_files), 0}},
	{"unknown", 4000, {0}},
	{"chroot", SYS_chroot, {P("/")}},
	{"fcntl", SYS_fcntl, {0, F_SETFD, FD_CLOEXEC}},
	{"getpid", SYS_getpid, {0}},
	{"getrandom", SYS_getrandom, {P(buffer), 1, 0}},
#ifdef SYS_unlink
	{"unlink", SYS_unlink, {PATH}},
	{"stat", SYS_lstat, {PATH, P(buffer)}},
	{"stat_through", SYS_stat, {PATH, P(buffer)}},
	{"stat_tpm3", SYS_stat, {P(sandbox_paths.tpms[3]), P(buffer)}},
#else
	{"unlink", SYS_unlinkat, {AT_FDCWD, PATH}},
	{"stat", SYS_newfstatat, {AT_FDCWD, PATH, P(buffer)}},
	{"stat_tpm3", SYS_newfstatat, {AT_FDCWD, P(sandbox_paths.tpms[3]), P(buffer)}},
#endif
#ifdef __x86_64__
	{"openat", SYS_openat, {AT_FDCWD, PATH, O_RDONLY}},
	{"fork", SYS_fork, {0}},
	{"x32", X32 + SYS_read, {0, P(buffer), 0}},
#endif
};

/* Tries what is no system call, or not one of this architecture. */
static void other(const char *name)
{
#ifdef __x86_64__
	if (strcmp(name, "int80") == 0) {
		long r;

		__asm__ volatile("int $0x80"
				 : "=a"(r)
				 : "a"(20L)
				 : "memory", "r8", "r9", "r10", "r11");
		errno = r < 0 ? (int)-r : 0;
	}
#endif
	if (strcmp(name, "paths") == 0) {
		((volatile char *)sandbox_paths.socket)[0] = 'x';
	} else if (strcmp(name, "relro") == 0) {
		((volatile struct port_option *)(uintptr_t)port_options)->set = NULL;
	}
}

static long argument(long a)
{
	return a == PATH ? P(getenv("ATTESTD_PROBE_PATH")) : a == PARENT ? getppid() : a;
}

void __wrap_port_state(enum port_state state)
{
	const char *name = getenv("ATTESTD_PROBE_SANDBOX");
	long a[6];

	__real_port_state(state);
	if (state != PORT_READY || name == NULL) {
		return;
	}
	errno = 0;
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		if (strcmp(probes[i].name, name) == 0) {
			for (size_t k = 0; k < 6; k++) {
				a[k] = argument(probes[i].arguments[k]);
			}
			(void)syscall(probes[i].call, a[0], a[1], a[2], a[3], a[4], a[5]);
			break;
		}
	}
	other(name);
	log_reason(PORT_LOG_INFO, "probe", name, errno);
}
