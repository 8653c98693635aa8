/*
 * The system calls that are allowed. Any other ends the process at once, with
 * SIGSYS, except those that a C library may try by itself and can do without:
 * they fail with EPERM. A path is allowed only if it lies in sandbox_paths: so
 * only a TPM can be opened, and only our socket removed, whichever user the
 * process runs as.
 *
 * These are not allowed, so that the process gets no new file, socket or memory:
 * execve, fork and clone, socket, connect, bind, sendto, mmap, mprotect, ptrace,
 * process_vm_*, kill, set*id, mount, bpf, io_uring_*, ...
 */
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox_paths.h"
#include "sandbox.h"

/* From linux/audit.h, linux/filter.h and linux/seccomp.h, which may be missing beside a
 * C library. */
#if defined(__x86_64__)
#define ARCH 0xc000003e /* also that of x32, whose calls have other numbers */
#elif defined(__aarch64__)
#define ARCH 0xc00000b7
#elif defined(__arm__)
#define ARCH 0x40000028
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH 0xc00000f3
#else
#error "AUDIT_ARCH_ of this machine"
#endif
#define LOAD 0x20 /* BPF_LD | BPF_W | BPF_ABS */
#define MASK 0x54 /* BPF_ALU | BPF_AND | BPF_K */
#define EQUAL 0x15 /* BPF_JMP | BPF_JEQ | BPF_K */
#define RETURN 0x06 /* BPF_RET | BPF_K */
#define RET_ALLOW 0x7fff0000
#define RET_REFUSE 0x00050001 /* SECCOMP_RET_ERRNO, EPERM */
#define RET_KILL 0x80000000 /* SECCOMP_RET_KILL_PROCESS */
#define SET_MODE_FILTER 1

/* clang-format off */
/* The most frequent ones first, because the filter compares one by one. */
#define ALLOWED(X) \
	CLOCK(X) X(POLL) X(read) X(write) X(accept4) X(close) X(shutdown) \
	X(getsockopt) /* SO_PEERCRED */ \
	X(writev) /* the log */ \
	X(epoll_pwait) X(epoll_create1) X(epoll_ctl) X(getrandom) \
	X(restart_syscall) /* after SIGSTOP and SIGCONT */ \
	X(exit_group)
/* musl's open calls fcntl for O_CLOEXEC. */
#define REFUSED(X) \
	FCNTL(X) X(ioctl) X(lseek) X(getpid) X(madvise) X(futex) X(rt_sigaction) \
	NEWER(X) X(rt_sigprocmask) X(prlimit64)
/* clang-format on */

/* Machines differ in the names of calls, and in which argument is the path. */
#ifdef __NR_poll
#define __NR_POLL __NR_poll
#else
#define __NR_POLL __NR_ppoll
#endif
#ifdef __NR_open
#define WITH_PATH(X) X(open) X(unlink) STATS(X)
#define PATH_ARGUMENT 0
#else
#define WITH_PATH(X) X(openat) X(unlinkat) X(newfstatat)
#define PATH_ARGUMENT 1
#endif
#ifdef __NR_clock_gettime64 /* 32 bits: an older and a newer call; stat is statx or fstatat64 */
#define STATS(X)
#define CLOCK(X) X(clock_gettime64) X(clock_gettime32) X(statx)
#define FCNTL(X) X(fcntl64)
#define NEWER(X) X(_llseek) X(futex_time64) X(fstatat64)
#else
#define STATS(X) X(stat) X(lstat)
#define CLOCK(X) X(clock_gettime)
#define FCNTL(X) X(fcntl)
#define NEWER(X)
#endif

struct instruction {
	uint16_t code;
	uint8_t if_true, if_false; /* EQUAL: how many instructions to skip */
	uint32_t k;
};

#define AT(call) AT_##call,
#define ALLOW(call) {EQUAL, AT_ALLOW - AT_##call - 1, 0, __NR_##call},
#define CHECK(call) {EQUAL, AT_CHECK - AT_##call - 1, 0, __NR_##call},
#define REFUSE(call) {EQUAL, AT_REFUSE - AT_##call - 1, 0, __NR_##call},
/* In struct seccomp_data, little-endian. */
#define OFFSET_CALL 0
#define OFFSET_ARCH 4
#define OFFSET_PATH (16 + 8 * PATH_ARGUMENT)

/* clang-format off */
enum {
	AT_ARCH = 1,
	AT_CALL,
	ALLOWED(AT) WITH_PATH(AT) REFUSED(AT)
	AT_KILL,
	AT_CHECK,
	AT_HIGH, /* of the address of sandbox_paths: filled in, as AT_MASK and AT_LOW are */
	AT_LOAD_LOW,
	AT_MASK,
	AT_LOW,
	AT_REFUSE,
	AT_ALLOW,
	COUNT
};
static const struct instruction filter[] = {
	{LOAD, 0, 0, OFFSET_ARCH},
	{EQUAL, 0, AT_KILL - AT_ARCH - 1, ARCH},
	{LOAD, 0, 0, OFFSET_CALL},
	ALLOWED(ALLOW) WITH_PATH(CHECK) REFUSED(REFUSE)
	{RETURN, 0, 0, RET_KILL},
	{LOAD, 0, 0, OFFSET_PATH + 4},
	{EQUAL, 0, AT_REFUSE - AT_HIGH - 1, 0},
	{LOAD, 0, 0, OFFSET_PATH},
	{MASK, 0, 0, 0},
	{EQUAL, AT_ALLOW - AT_LOW - 1, 0, 0},
	{RETURN, 0, 0, RET_REFUSE},
	{RETURN, 0, 0, RET_ALLOW},
};
/* clang-format on */
_Static_assert(sizeof(filter) / sizeof(filter[0]) == COUNT, "the jumps fit");

static bool read_only(uintptr_t at, size_t n)
{
	return syscall(SYS_mprotect, at, n, PROT_READ) == 0;
}

/*
 * The data that the program's start has relocated: in a static PIE nobody else
 * protects it. Its segment ends where a page of any size ends, and shares no page
 * with other data: check-binary checks both.
 */
static bool relro_protect(uintptr_t page)
{
	extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));
	uintptr_t base = (uintptr_t)&__ehdr_start;
	const ElfW(Phdr) *segment = (const void *)(base + __ehdr_start.e_phoff);
	uintptr_t from, to;

	while (segment->p_type != PT_GNU_RELRO) {
		segment++; /* there is one: check-binary checks that */
	}
	from = (base + segment->p_vaddr) & ~(page - 1);
	to = (base + segment->p_vaddr + segment->p_memsz) & ~(page - 1);
	return read_only(from, to - from);
}

bool seccomp_enter(void)
{
	struct instruction code[COUNT];
	struct {
		unsigned short n;
		const struct instruction *code;
	} program = {COUNT, code};
	/* Known only now: the same program runs with pages of 4, 16 and 64 KiB. */
	uintptr_t page = getauxval(AT_PAGESZ), at = (uintptr_t)&sandbox_paths;

	memcpy(code, filter, sizeof(filter));
	code[AT_HIGH].k = (uint32_t)((uint64_t)at >> 32);
	code[AT_MASK].k = (uint32_t)~(page - 1);
	code[AT_LOW].k = (uint32_t)at;
	return relro_protect(page) && read_only(at, sizeof(sandbox_paths)) &&
	       syscall(SYS_seccomp, SET_MODE_FILTER, 0, &program) == 0;
}
