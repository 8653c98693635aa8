/*
 * port/linux: where it listens, how it ends, its options, its log.
 */
#include "port_linux.h"

#include <time.h>

/* ---- the socket --------------------------------------------------------- */

static void bind_there(int type, bool listening)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type, 0);

	memcpy(a.sun_path, path, strlen(path) + 1);
	CHECK(bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	CHECK(!listening || listen(fd, 0) == 0);
	CHECK(listening || type == SOCK_DGRAM || close(fd) == 0);
}

static unsigned mode_of_path(void)
{
	struct stat st;

	CHECK(lstat(path, &st) == 0 && S_ISSOCK(st.st_mode));
	return st.st_mode & 07777;
}

static void makes_and_removes(void)
{
	char group[16];

	(void)umask(0);
	(void)snprintf(group, sizeof(group), "%u", getegid());
	CHECK(set_option("--group", group) == 0);
	CHECK(port_listen(PORT_SERVE) == 0);
	CHECK(mode_of_path() == 0660);
	CHECK(umask(0) == 0);
	CHECK(client() >= 0);
	port_unlisten();
	CHECK(access(path, F_OK) < 0);
	port_unlisten();
	expect_nothing(0);
}

static void mode_as_asked(void)
{
	(void)umask(077);
	CHECK(set_option("--mode", "0606") == 0);
	CHECK(port_listen(PORT_SERVE) == 0);
	CHECK(mode_of_path() == 0606);
}

static void stale_is_replaced(void)
{
	bind_there(SOCK_STREAM, false);
	CHECK(port_listen(PORT_SERVE) == 0);
	CHECK(client() >= 0);
	expect(PORT_EVENT_OPEN, 0);
}

static void live_is_refused(void)
{
	bind_there(SOCK_STREAM, true);
	CHECK(port_listen(PORT_SERVE) == -ERR_ADDRESS);
	CHECK(port_listen(PORT_SERVE) == -ERR_ADDRESS); /* its backlog is full */
	CHECK(mode_of_path() != 0);
}

static void live_datagrams_are_refused(void)
{
	bind_there(SOCK_DGRAM, false);
	CHECK(port_listen(PORT_SERVE) == -ERR_ADDRESS);
	CHECK(mode_of_path() != 0);
}

static void other_things_stay(void)
{
	struct stat st;

	CHECK(symlink("/dev/null", path) == 0);
	CHECK(port_listen(PORT_SERVE) == -ERR_ADDRESS);
	CHECK(lstat(path, &st) == 0 && S_ISLNK(st.st_mode));
	CHECK(unlink(path) == 0 && mkdir(path, 0700) == 0);
	CHECK(port_listen(PORT_SERVE) == -ERR_ADDRESS);
	CHECK(set_option("--socket", "/nowhere/at/all") == 0);
	CHECK(port_listen(PORT_SERVE) == -ERR_IO);
}

/* A socket that another program has put in the place of ours is not removed. */
static void replaced_stays(void)
{
	CHECK(port_listen(PORT_SERVE) == 0);
	CHECK(unlink(path) == 0);
	bind_there(SOCK_STREAM, true);
	port_unlisten();
	CHECK(mode_of_path() != 0);
}

/* ---- the end; the supervisor -------------------------------------------- */

static void stops_once(void)
{
	struct port_event e[2];
	int fd;

	CHECK(port_listen(PORT_SERVE) == 0);
	fd = client();
	CHECK(fd >= 0);
	CHECK(raise(SIGTERM) == 0 && raise(SIGINT) == 0);
	CHECK(port_wait(e, 1, PORT_NEVER) == 1 && e[0].kind == PORT_EVENT_STOP);
	expect(PORT_EVENT_OPEN, 0);
	CHECK(raise(SIGHUP) == 0);
	expect_nothing(20);
}

/* Signals that nohup has ignored stay ignored. */
static void ignored_hangup(void)
{
	CHECK(signal(SIGHUP, SIG_IGN) != SIG_ERR);
	CHECK(port_listen(PORT_SERVE) == 0);
	CHECK(raise(SIGHUP) == 0);
	expect_nothing(20);
	CHECK(raise(SIGTERM) == 0);
	expect(PORT_EVENT_STOP, 0);
}

static void notifies(void)
{
	char name[32];
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	socklen_t head = offsetof(struct sockaddr_un, sun_path);

	port_state(PORT_READY); /* there is no supervisor */
	for (unsigned abstract = 0; abstract < 2; abstract++) {
		int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

		memset(a.sun_path, 0, sizeof(a.sun_path));
		if (abstract) {
			(void)snprintf(name, sizeof(name), "@port-linux-%d", getpid());
			memcpy(a.sun_path + 1, name + 1, strlen(name) - 1);
		} else {
			(void)snprintf(name, sizeof(name), "%s/n", dir);
			memcpy(a.sun_path, name, strlen(name));
		}
		CHECK(bind(fd, (struct sockaddr *)&a, head + (socklen_t)strlen(name)) == 0);
		CHECK(setenv("NOTIFY_SOCKET", name, 1) == 0);
		port_state(PORT_STARTING);
		port_state(PORT_READY);
		hear(fd, "READY=1");
		port_state(PORT_STOPPING);
		hear(fd, "STOPPING=1");
		port_state(PORT_STOPPED);
	}
}

static int body_without_stdio(int argc, char **argv)
{
	int fd = dup(0);

	CHECK(argc == 1 && argv == NULL);
	CHECK(fcntl(0, F_GETFD) == 0 && fcntl(1, F_GETFD) >= 0 && fd > 2);
	return 23;
}

static void runs(void)
{
	CHECK(close(0) == 0);
	CHECK(port_run(1, NULL, body_without_stdio) == 23);
	CHECK(port_sandbox_enter(PORT_CALL) == 0);
	CHECK(port_sandbox_enter(PORT_CALL) == 0);
}

/* ---- options, the log, the rest ------------------------------------------ */

static void options(void)
{
	static char name[200];
	static const char *const no_users[] = {
		"",     ":",   "1",   "1:",           ":1",           "1:2:3",         "0:0",
		"00:1", "x:1", "1:x", "4294967295:1", "1:4294967295", "12345678901:1", "-1:1"};

	memset(name, 'a', 108);
	CHECK(set_option("--socket", name) == -ERR_USAGE);
	name[107] = '\0';
	CHECK(set_option("--socket", name) == 0);
	CHECK(set_option("--socket", "") == -ERR_USAGE);
	CHECK(set_option("--socket", "@abstract") == -ERR_USAGE);
	CHECK(set_option("--mode", "777") == 0 && set_option("--mode", "0") == 0);
	CHECK(set_option("--mode", "1777") == -ERR_USAGE);
	CHECK(set_option("--mode", "068") == -ERR_USAGE);
	CHECK(set_option("--mode", "-1") == -ERR_USAGE && set_option("--mode", "") == -ERR_USAGE);
	CHECK(set_option("--group", "4294967294") == 0);
	CHECK(set_option("--group", "4294967295") == -ERR_USAGE);
	CHECK(set_option("--group", "18446744073709551617") == -ERR_USAGE);
	CHECK(set_option("--group", "tss") == -ERR_USAGE);
	CHECK(set_option("--tpm", "") == -ERR_USAGE);
	memset(name, 'a', 128);
	CHECK(set_option("--tpm", name) == -ERR_USAGE);
	name[127] = '\0';
	CHECK(set_option("--tpm", name) == 0);
	CHECK(set_option("--user", "1:0") == 0);
	CHECK(set_option("--user", "4294967294:4294967294") == 0);
	for (size_t i = 0; i < sizeof(no_users) / sizeof(no_users[0]); i++) {
		CHECK(set_option("--user", no_users[i]) == -ERR_USAGE);
	}
	CHECK(set_option("--sandbox", "on") == 0 && set_option("--sandbox", "require") == 0 &&
	      set_option("--sandbox", "off") == 0);
	CHECK(set_option("--sandbox", "") == -ERR_USAGE);
	CHECK(set_option("--sandbox", "of") == -ERR_USAGE);
}

/* Not time(), whose clock is some milliseconds behind the one that the log reads. */
static time_t second(void)
{
	struct timespec t;

	CHECK(clock_gettime(CLOCK_REALTIME, &t) == 0);
	return t.tv_sec;
}

static void logs(void)
{
	char front[32], expected[80], got[80];
	time_t now;
	struct tm date;
	int out[2], saved = dup(2);
	ssize_t n;

	CHECK(pipe(out) == 0 && dup2(out[1], 2) == 2);
	now = second();
	port_log(PORT_LOG_WARNING, "look out!", 8);
	n = read(out[0], got, sizeof(got));
	CHECK(dup2(saved, 2) == 2);
	if (second() != now) {
		return;
	}
	(void)strftime(front, sizeof(front), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &date));
	(void)snprintf(expected, sizeof(expected), "%s warning look out\n", front);
	CHECK(n == (ssize_t)strlen(expected) && memcmp(got, expected, (size_t)n) == 0);
}

static void prints(void)
{
	int out[2], saved = dup(1);

	CHECK(pipe(out) == 0 && dup2(out[1], 1) == 1);
	port_print(false, "text\nmore", 9);
	CHECK(dup2(saved, 1) == 1);
	hear(out[0], "text\nmore");
}

static void random_bytes(void)
{
	uint8_t a[300] = {0}, b[300] = {0};

	CHECK(port_random(a, sizeof(a)) == 0 && port_random(b, sizeof(b)) == 0);
	CHECK(memcmp(a, b, sizeof(a)) != 0 && memcmp(a + 280, b + 280, 20) != 0);
	CHECK(port_random(a, 0) == 0);
}

#define ALL_TESTS(X)                  \
	X(makes_and_removes)          \
	X(mode_as_asked)              \
	X(stale_is_replaced)          \
	X(live_is_refused)            \
	X(live_datagrams_are_refused) \
	X(other_things_stay)          \
	X(replaced_stays)             \
	X(stops_once)                 \
	X(ignored_hangup)             \
	X(notifies)                   \
	X(runs)                       \
	X(options)                    \
	X(logs)                       \
	X(prints)                     \
	X(random_bytes)

RUN(ALL_TESTS)
