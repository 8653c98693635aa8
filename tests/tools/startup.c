/*
 * startup: measures how long a program takes from exec until clients can connect.
 *
 *     startup ROUNDS SOCKET COMMAND...   until SOCKET accepts a connection
 *     startup ROUNDS - COMMAND...        until the command ends: what
 *                                      any process takes
 *
 * Prints one line of JSON.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX 10000
#define PATIENCE_US 5e6

extern char **environ;

static struct sockaddr_un address = {.sun_family = AF_UNIX};

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static bool can_connect(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool connected = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;

	close(fd);
	return connected;
}

static void quiet(posix_spawn_file_actions_t *actions)
{
	posix_spawn_file_actions_init(actions);
	posix_spawn_file_actions_addopen(actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(actions, 2, "/dev/null", O_WRONLY, 0);
}

/* Microseconds of one start: until clients can connect if `listening`, else until the end. */
static double once(char **command, bool listening)
{
	posix_spawn_file_actions_t actions;
	double begin, spent;
	int status = 0;
	pid_t pid;

	quiet(&actions);
	begin = now_us();
	errno = posix_spawnp(&pid, command[0], &actions, NULL, command, environ);
	if (errno != 0) {
		perror(command[0]);
		exit(1);
	}
	if (listening) {
		while (!can_connect()) {
			if (now_us() - begin > PATIENCE_US) {
				fprintf(stderr, "startup: %s does not listen\n", command[0]);
				kill(pid, SIGKILL);
				exit(1);
			}
			sched_yield();
		}
		spent = now_us() - begin;
		kill(pid, SIGTERM);
		waitpid(pid, &status, 0);
	} else {
		waitpid(pid, &status, 0);
		spent = now_us() - begin;
	}
	posix_spawn_file_actions_destroy(&actions);
	if (status != 0)
		fprintf(stderr, "startup: %s ended with status %d\n", command[0], status);
	return spent;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static double us[ROUNDS_MAX];
	size_t rounds = argc > 3 ? strtoul(argv[1], NULL, 10) : 0;
	bool listening;

	if (rounds < 1 || rounds > ROUNDS_MAX || strlen(argv[2]) >= sizeof address.sun_path) {
		fputs("usage: startup ROUNDS SOCKET|- COMMAND...\n", stderr);
		return 64;
	}
	listening = strcmp(argv[2], "-") != 0;
	strcpy(address.sun_path, argv[2]);
	for (size_t i = 0; i < rounds; i++)
		us[i] = once(argv + 3, listening);
	qsort(us, rounds, sizeof *us, ascending);
	printf("{\"rounds\":%zu,\"min_us\":%.1f,\"median_us\":%.1f,\"p90_us\":%.1f}\n", rounds,
	       us[0], us[rounds / 2], us[rounds * 9 / 10]);
	return 0;
}
