#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "err.h"
#include "given.h"
#include "lifecycle.h"
#include "common/line.h"
#include "listen.h"
#include "log.h"
#include "options.h"
#include "paths.h"
#include "port.h"
#include "slot.h"

#define PASSED_FD 3 /* the first that socket activation passes */

int listen_fd = -1;

bool listen_created;
static dev_t created_dev;
static ino_t created_ino;

static const char *path(void)
{
	return linux_options.socket.sun_path;
}

/* Logs what failed, with errno's reason. */
static int failed(const char *what)
{
	log_reason(PORT_LOG_ERROR, what, path(), errno);
	return -ERR_IO;
}

/* ---- socket activation (sd_listen_fds) -------------------------------- */

/* Whether the supervisor passed sockets to this very process. */
static bool is_activated(void)
{
	uint64_t pid, count;
	bool ours = line_parse(getenv("LISTEN_PID"), 10, INT32_MAX, &pid) &&
		    pid == (uint64_t)getpid() &&
		    line_parse(getenv("LISTEN_FDS"), 10, INT32_MAX, &count) && count >= 1;

	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	if (ours && count > 1) {
		log_reason(PORT_LOG_WARNING, "only the first socket passed is served", NULL, 0);
	}
	return ours;
}

static int adopt(void)
{
	static const int want[][2] = {
		{SO_DOMAIN, AF_UNIX}, {SO_TYPE, SOCK_STREAM}, {SO_ACCEPTCONN, 1}};
	static const int yes = 1;

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		int is = -1;
		socklen_t n = sizeof(is);

		if (getsockopt(PASSED_FD, SOL_SOCKET, want[i][0], &is, &n) < 0 ||
		    is != want[i][1]) {
			log_reason(PORT_LOG_ERROR, "what was passed is not a listening Unix socket",
				   NULL, 0);
			return -ERR_IO;
		}
	}
	/* The same by fcntl takes 400 bytes more. */
	if (syscall(SYS_ioctl, PASSED_FD, FIONBIO, &yes) < 0 ||
	    syscall(SYS_ioctl, PASSED_FD, FIOCLEX) < 0) {
		log_reason(PORT_LOG_ERROR, "cannot use the socket passed", NULL, errno);
		return -ERR_IO;
	}
	listen_fd = PASSED_FD;
	return 0;
}

/* ---- a socket of our own ---------------------------------------------- */

static int make_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		(void)failed("cannot make a socket for");
	}
	return fd;
}

static int socket_call(int (*call)(int, const struct sockaddr *, socklen_t), int fd)
{
	return call(fd, (const struct sockaddr *)&linux_options.socket,
		    sizeof(linux_options.socket));
}

/* Removes a socket that a former process left behind; nothing else. */
static int clear_way(void)
{
	struct stat st;
	int fd, e;

	if (lstat(path(), &st) < 0) {
		return errno == ENOENT ? 0 : failed("cannot look at");
	}
	if (!S_ISSOCK(st.st_mode)) {
		log_reason(PORT_LOG_ERROR, "there is something else than a socket at", path(), 0);
		return -ERR_ADDRESS;
	}
	fd = make_socket();
	if (fd < 0) {
		return -ERR_IO;
	}
	e = socket_call(connect, fd) < 0 ? errno : 0;
	(void)close(fd);
	if (e != ECONNREFUSED) {
		log_reason(PORT_LOG_ERROR, "another program answers at", path(), 0);
		return -ERR_ADDRESS;
	}
	if (unlink(path()) < 0 && errno != ENOENT) {
		return failed("cannot remove");
	}
	return 0;
}

/*
 * Who may change what is in a folder may put a socket of his own in our
 * place. So each folder on the way belongs to root or to us, and is writable
 * for nobody else, or is one like /tmp. One that is not there shows at bind.
 */
static bool is_trusted(const struct stat *st)
{
	return st->st_uid == 0 || st->st_uid == geteuid() || st->st_uid == linux_options.user;
}

static int check_folder(const char *folder, bool last)
{
	struct stat st;
	const char *why;
	int r = lstat(folder, &st);

	if (r == 0 && S_ISLNK(st.st_mode) && is_trusted(&st) && !last) {
		r = stat(folder, &st);
	}
	if (r < 0) {
		return 0;
	}
	if (!is_trusted(&st)) {
		why = "another user owns";
	} else if (S_ISLNK(st.st_mode)) {
		why = "the socket's folder is a link:";
	} else if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (st.st_mode & S_ISVTX) == 0) {
		why = "others may write to";
	} else {
		return 0;
	}
	log_reason(PORT_LOG_ERROR, why, folder, 0);
	return -ERR_USAGE;
}

static int check_folders(void)
{
	char folder[sizeof(linux_options.socket.sun_path)];
	const char *last = strrchr(path(), '/');
	int r = 0;

	if (path()[0] != '/' || last == path()) {
		r = check_folder(path()[0] == '/' ? "/" : ".", last == NULL || last == path());
	}
	for (const char *end = path(); r == 0 && (end = strchr(end + 1, '/')) != NULL;) {
		size_t n = (size_t)(end - path());

		memcpy(folder, path(), n);
		folder[n] = '\0';
		r = check_folder(folder, end == last);
	}
	return r;
}

/*
 * Binds with nobody but the owner allowed in, then opens up; and nobody can
 * connect at all before the caller listens.
 */
static int bind_path(int fd)
{
	mode_t saved = umask(0177);
	int r = socket_call(bind, fd);
	int e = errno;
	struct stat st;

	(void)umask(saved);
	if (r < 0) {
		errno = e;
		(void)failed("cannot bind to");
		return e == EADDRINUSE ? -ERR_ADDRESS : -ERR_IO;
	}
	if (lstat(path(), &st) < 0) {
		return failed("cannot find");
	}
	created_dev = st.st_dev;
	created_ino = st.st_ino;
	listen_created = true;
	if (lchown(path(), linux_options.owner, linux_options.group) < 0) {
		return failed("cannot set the owner of");
	}
	if (chmod(path(), linux_options.mode) < 0) {
		return failed("cannot set the mode of");
	}
	return 0;
}

static int create(void)
{
	int r;

	/* An error here shows at bind. */
	if (linux_options.default_socket && mkdir(DEFAULT_DIR, 0700) == 0) {
		(void)chmod(DEFAULT_DIR, 0755);
		/* who is to remove the socket */
		(void)lchown(DEFAULT_DIR, linux_options.user, linux_options.user_group);
	}
	paths_fill();
	r = check_folders();
	if (r == 0) {
		r = clear_way();
	}
	if (r < 0) {
		return r;
	}
	listen_fd = make_socket();
	if (listen_fd < 0) {
		return -ERR_IO;
	}
	r = bind_path(listen_fd);
	if (r == 0 && listen(listen_fd, SOMAXCONN) < 0) {
		r = failed("cannot listen on");
	}
	if (r < 0) {
		port_unlisten();
	}
	return r;
}

/* ---- the contract ------------------------------------------------------ */

int port_listen(enum port_mode mode)
{
	int r = given_read(); /* a file may be a pipe: a signal still ends the wait */

	if (r == 0) {
		r = signals_take();
	}
	if (r < 0) {
		return r;
	}
	if (mode == PORT_ONCE) {
		slot_open_stdio();
		return 0;
	}
	return is_activated() ? adopt() : create();
}

void port_unlisten(void)
{
	struct stat st;

	if (listen_fd < 0) {
		return;
	}
	/* While the socket is open its inode's number is nobody else's. */
	if (listen_created && lstat(paths.socket, &st) == 0 && st.st_dev == created_dev &&
	    st.st_ino == created_ino) {
		(void)unlink(paths.socket);
	}
	listen_created = false;
	(void)close(listen_fd);
	listen_fd = -1;
}
