/*
 * port/linux: a user who may change the socket's folder cannot lead attestd to
 * another place, and if two start at once, one serves.
 */
#include "places.h"

#include <grp.h>
#include <sys/file.h>
#include <sys/syscall.h>

#include "../../port/linux/socket_folder.h"
#include "../../port/linux/listen.h"

/* ---- what another user does right before or after a call ------------------- */

static struct {
	void (*before_unlink)(void);
	void (*before_bind)(void);
	void (*after_bind)(void);
	void (*before_chown)(void);
	bool no_umask; /* as in a folder with a default access control list */
	bool no_chmod;
	long refused; /* the number of a system call that fails; 0: none */
} meanwhile;

static void happen(void (**what)(void))
{
	void (*act)(void) = *what;

	*what = NULL;
	if (act != NULL) {
		act();
	}
}

int __real_bind(int fd, const struct sockaddr *a, socklen_t n);
int __wrap_bind(int fd, const struct sockaddr *a, socklen_t n);
int __wrap_bind(int fd, const struct sockaddr *a, socklen_t n)
{
	int r, e;

	happen(&meanwhile.before_bind);
	r = __real_bind(fd, a, n);
	e = errno;
	happen(&meanwhile.after_bind);
	errno = e;
	return r;
}

int __real_unlink(const char *name);
int __wrap_unlink(const char *name);
int __wrap_unlink(const char *name)
{
	happen(&meanwhile.before_unlink);
	return __real_unlink(name);
}

int __real_fchownat(int fd, const char *name, uid_t uid, gid_t gid, int flags);
int __wrap_fchownat(int fd, const char *name, uid_t uid, gid_t gid, int flags);
int __wrap_fchownat(int fd, const char *name, uid_t uid, gid_t gid, int flags)
{
	happen(&meanwhile.before_chown);
	return __real_fchownat(fd, name, uid, gid, flags);
}

mode_t __real_umask(mode_t mask);
mode_t __wrap_umask(mode_t mask);
mode_t __wrap_umask(mode_t mask)
{
	return __real_umask(meanwhile.no_umask ? 0177 : mask);
}

int __real_chmod(const char *name, mode_t mode);
int __wrap_chmod(const char *name, mode_t mode);
int __wrap_chmod(const char *name, mode_t mode)
{
	errno = EPERM;
	return meanwhile.no_chmod ? -1 : __real_chmod(name, mode);
}

long __real_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	if (number == meanwhile.refused) {
		errno = EPERM;
		return -1;
	}
	return __real_syscall(number, a, b, c, d, e, f);
}

/* ---- who owns the socket ---- */

static void is(const char *name, mode_t mode, uid_t uid, gid_t gid)
{
	struct stat st;

	CHECK(lstat(in_dir(name), &st) == 0);
	CHECK(st.st_mode == mode && st.st_uid == uid && st.st_gid == gid);
}

static void is_root(void)
{
	gid_t groups[3];

	CHECK(geteuid() == 0 && getegid() == 0);
	CHECK(getgroups(3, groups) == 2 && groups[0] == 20 && groups[1] == 30);
}

/* A socket in a folder of --user belongs to that user, unless --owner is given. */
static void owners(void)
{
	static const gid_t groups[] = {20, 30};

	as_root();
	CHECK(setgroups(2, groups) == 0);
	make_folder("his", 0755);
	CHECK(chown(place, USER, 0) == 0);
	make_folder("own", 0755);
	CHECK(set_option("--user", USERS) == 0 && set_option("--mode", "0604") == 0);
	CHECK(set_option("--socket", in_dir("own/s")) == 0 && port_listen(PORT_SERVE) == 0);
	is("own/s", S_IFSOCK | 0604, 0, 0);
	port_unlisten();
	CHECK(set_option("--socket", in_dir("his/s")) == 0 && port_listen(PORT_SERVE) == 0);
	is("his/s", S_IFSOCK | 0604, USER, 4712);
	is_root();
	port_unlisten();
	CHECK(access(in_dir("his/s"), F_OK) < 0);
	CHECK(set_option("--group", "4713") == 0 && port_listen(PORT_SERVE) == 0);
	is("his/s", S_IFSOCK | 0604, USER, 4713);
	port_unlisten();
	CHECK(set_option("--owner", "4714") == 0 && port_listen(PORT_SERVE) == 0);
	is("his/s", S_IFSOCK | 0604, 4714, 4713);
	/* A stale socket is recognised although that user may not connect to it. */
	CHECK(listen_count == 1 && close(listen_fds[0]) == 0);
	listen_count = 0;
	CHECK(port_listen(PORT_SERVE) == 0);
	is("his/s", S_IFSOCK | 0604, 4714, 4713);
	is_root();
}

/* If root cannot act as that user, it changes nothing in that user's folder. */
static void cannot_borrow(void)
{
	static const long calls[] = {SYS_setresuid, SYS_setresgid};

	as_root();
	log_begin();
	make_folder("his", 0755);
	CHECK(chown(place, USER, 0) == 0 && set_option("--user", USERS) == 0);
	for (unsigned i = 0; i < 2; i++) {
		meanwhile.refused = calls[i];
		refuses(in_dir("his/s"), -ERR_IO, "/his/s: operation not permitted");
		CHECK(access(in_dir("his/s"), F_OK) < 0 && geteuid() == 0 && getegid() == 0);
	}
	/* Only setgroups may fail: a process that may not call it has no groups of root's. */
	meanwhile.refused = SYS_setgroups;
	listens_at("his/s", 0);
}

/* If a folder's access control list takes bits away, the mode is set afterwards. */
static void mode_is_set(void)
{
	make_folder("own", 0755);
	meanwhile.no_umask = true;
	CHECK(set_option("--socket", in_dir("own/s")) == 0 && port_listen(PORT_SERVE) == 0);
	is("own/s", S_IFSOCK | 0660, geteuid(), getegid());
	port_unlisten();
	log_begin();
	meanwhile.no_chmod = true;
	refuses(in_dir("own/s"), -ERR_IO, "cannot set the mode of");
	CHECK(access(in_dir("own/s"), F_OK) < 0);
}

/* ---- another user replaces the socket ------------------------------------------- */

static void secret(void)
{
	CHECK(close(open(in_dir("secret"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) == 0);
}

static void put_link(void)
{
	CHECK(__real_unlink(in_dir("his/s")) == 0);
	make_link("../secret", "his/s");
}

static void put_hard_link(void)
{
	uid_t before = geteuid();
	char from[200];

	CHECK(__real_unlink(in_dir("his/s")) == 0);
	(void)snprintf(from, sizeof(from), "%s/secret", dir);
	CHECK(seteuid(0) == 0 && link(from, place) == 0 && seteuid(before) == 0);
}

/* Makes a socket of root's that only root may use. */
static void put_socket(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(seteuid(0) == 0 && __real_unlink(in_dir("secret")) == 0);
	memcpy(a.sun_path, place, strlen(place) + 1);
	CHECK(__real_bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	CHECK(chown(place, 0, 0) == 0 && chmod(place, 0600) == 0);
	CHECK(seteuid(USER) == 0);
	put_hard_link();
}

/* The socket is replaced right after bind. */
static void replaced(void)
{
	static void (*const tricks[])(void) = {put_link, put_hard_link, put_socket};

	as_root();
	make_folder("his", 0755);
	CHECK(chown(place, USER, 0) == 0);
	CHECK(set_option("--user", USERS) == 0 && set_option("--owner", "4711") == 0 &&
	      set_option("--group", "4711") == 0 && set_option("--mode", "0666") == 0);
	CHECK(set_option("--socket", in_dir("his/s")) == 0);
	log_begin();
	for (unsigned i = 0; i < sizeof(tricks) / sizeof(tricks[0]); i++) {
		secret();
		meanwhile.after_bind = tricks[i];
		CHECK(port_listen(PORT_SERVE) == -ERR_IO);
		CHECK(strstr(log_read(), "another file has been put at") != NULL);
		is("secret", i == 2 ? S_IFSOCK | 0600 : S_IFREG | 0600, 0, 0);
		CHECK(geteuid() == 0);
		CHECK(access(in_dir("his/s"), F_OK) == 0 && __real_unlink(place) == 0);
	}
}

/* It is replaced later: the owner of the socket that was checked is changed, by descriptor. */
static void replaced_late(void)
{
	as_root();
	make_folder("his", 0755);
	CHECK(chown(place, USER, 0) == 0);
	secret();
	CHECK(set_option("--user", USERS) == 0 && set_option("--owner", "4711") == 0 &&
	      set_option("--group", "4711") == 0);
	CHECK(set_option("--socket", in_dir("his/s")) == 0);
	meanwhile.before_chown = put_hard_link;
	CHECK(port_listen(PORT_SERVE) == 0 && meanwhile.before_chown == NULL);
	is("secret", S_IFREG | 0600, 0, 0);
	port_unlisten();
	CHECK(access(in_dir("his/s"), F_OK) == 0); /* that user's, not ours */
}

/* The folder itself is replaced by a link to one of root's. */
static void lead_astray(void)
{
	char from[200];

	(void)snprintf(from, sizeof(from), "%s/his/inner", dir);
	CHECK(rename(from, in_dir("his/moved")) == 0);
	make_link("../roots", "his/inner");
}

static void led_back(void)
{
	char from[200];

	CHECK(__real_unlink(in_dir("his/inner")) == 0);
	(void)snprintf(from, sizeof(from), "%s/his/moved", dir);
	CHECK(rename(from, in_dir("his/inner")) == 0);
}

static void stale_at(const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(a.sun_path, in_dir(name), strlen(in_dir(name)) + 1);
	CHECK(__real_bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && close(fd) == 0);
}

static void led_astray(void)
{
	as_root();
	make_folder("roots", 0755);
	make_folder("his", 0755);
	CHECK(chown(place, USER, 0) == 0);
	make_folder("his/inner", 0755);
	CHECK(chown(place, USER, 0) == 0);
	CHECK(set_option("--user", USERS) == 0);
	CHECK(set_option("--socket", in_dir("his/inner/s")) == 0);
	meanwhile.before_bind = lead_astray;
	CHECK(port_listen(PORT_SERVE) == -ERR_IO);
	CHECK(access(in_dir("roots/s"), F_OK) < 0);
	led_back();
	/* ... also right before a stale socket is removed */
	stale_at("his/inner/s");
	stale_at("roots/s");
	meanwhile.before_unlink = lead_astray;
	CHECK(port_listen(PORT_SERVE) == -ERR_IO);
	CHECK(access(in_dir("roots/s"), F_OK) == 0);
	CHECK(geteuid() == 0);
	led_back();
	CHECK(port_listen(PORT_SERVE) == 0);
}

/* ---- two starts at once ------------------------------------------------------------ */

static int second[2]; /* to and from the second start: when to begin, its result */

static void second_starts(void)
{
	struct pollfd done = {.fd = second[1], .events = POLLIN};

	CHECK(write(second[1], "x", 1) == 1);
	(void)poll(&done, 1, 300); /* time enough to get this far if it does not wait */
}

/*
 * Both find a stale socket. If the second made its own before the first removes
 * the stale one, the first would remove that of the second.
 */
static void two_starts(void)
{
	int result;
	char go;
	pid_t pid;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, second) == 0);
	stale_at("socket");
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		alarm(60);
		CHECK(read(second[0], &go, 1) == 1);
		result = port_listen(PORT_SERVE);
		CHECK(write(second[0], &result, sizeof(result)) == sizeof(result));
		(void)pause();
	}
	meanwhile.before_unlink = second_starts;
	CHECK(port_listen(PORT_SERVE) == 0);
	CHECK(read(second[1], &result, sizeof(result)) == sizeof(result));
	CHECK(result == -ERR_ADDRESS);
	CHECK(client() >= 0);
	expect(PORT_EVENT_OPEN, 0);
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
}

/* Anybody who can read the folder can lock it, but this does not prevent the start. */
static void lock_is_held(void)
{
	uint64_t start = port_now_ms();
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	log_begin();
	CHECK(fd >= 0 && flock(fd, LOCK_SH) == 0);
	CHECK(port_listen(PORT_SERVE) == 0);
	CHECK(port_now_ms() - start >= LOCK_MS && port_now_ms() - start < LOCK_MS + 20000);
	CHECK(strstr(log_read(), " warning another program keeps it locked: /tmp/") != NULL);
	CHECK(client() >= 0);
}

#define ALL_TESTS(X)     \
	X(owners)        \
	X(cannot_borrow) \
	X(mode_is_set)   \
	X(replaced)      \
	X(replaced_late) \
	X(led_astray)    \
	X(two_starts)    \
	X(lock_is_held)

RUN(ALL_TESTS)
