/*
 * lacks CALL[,CALL...] COMMAND...: runs a command for which the kernel seems to lack
 * these system calls, given as numbers: they fail with ENOSYS.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define CALLS_MAX 16

int main(int argc, char **argv)
{
	struct sock_filter f[2 * CALLS_MAX + 2] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
	struct sock_fprog prog = {.len = 1, .filter = f};

	if (argc < 3) {
		fprintf(stderr, "usage: lacks CALL[,CALL...] COMMAND...\n");
		return 125;
	}
	for (char *p = argv[1], *end = p; prog.len < 2 * CALLS_MAX; p = end + 1) {
		unsigned call = (unsigned)strtoul(p, &end, 10);

		f[prog.len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1);
		f[prog.len++] =
			(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
		if (*end != ',')
			break;
	}
	f[prog.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) != 0) {
		perror("lacks: seccomp");
		return 125;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 126;
}
