#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "passed_sockets.h"
#include "act_as_user.h"
#include "err.h"
#include "socket_folder.h"
#include "option_files.h"
#include "lifecycle.h"
#include "listen.h"
#include "log.h"
#include "options.h"
#include "sandbox_paths.h"
#include "port.h"
#include "slot.h"

int listen_fds[LISTEN_MAX];
unsigned listen_count;
bool listen_created;
/* We are root, and one of the folders on the way to the socket belongs to --user. */
static bool users_folder;
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

/*
 * If --user may change a folder on the way, that user could lead root to another
 * place between two system calls. So every change there is made with that user's
 * permissions, which allow no more than the user can do without us.
 */
static int change(int (*what)(void))
{
	int r, e;

	if (users_folder && !act_as_user()) {
		return -1;
	}
	r = what();
	e = errno;
	act_as_self();
	errno = e;
	return r;
}

static int do_bind(void)
{
	return socket_call(bind, listen_fds[0]);
}

static int do_chmod(void)
{
	return chmod(path(), linux_options.mode);
}

/* Not path(): the sandbox lets only sandbox_paths through. */
static int do_unlink(void)
{
	return unlink(sandbox_paths.socket);
}

/*
 * Removes a socket that an earlier process left behind, and nothing else. The
 * attempt to connect is not made as --user, because a socket of another owner
 * may not let that user in.
 */
static int clear_way(void)
{
	struct stat st;
	int fd, e;

	if (lstat(path(), &st) < 0) {
		return errno == ENOENT ? 0 : failed("cannot look at");
	}
	if (!S_ISSOCK(st.st_mode)) {
		log_reason(PORT_LOG_ERROR, "not a socket:", path(), 0);
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
	if (change(do_unlink) < 0 && errno != ENOENT) {
		return failed("cannot remove");
	}
	return 0;
}

/*
 * Gives the socket its mode, owner and group. Only root can change the owner, so
 * it is done by descriptor, and only if the socket is certainly ours.
 */
static int give(int fd)
{
	bool owned = linux_options.owner != (uid_t)-1 || linux_options.group != (gid_t)-1;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		return failed("cannot find");
	}
	if (!S_ISSOCK(st.st_mode) || (users_folder && st.st_uid != linux_options.user)) {
		log_reason(PORT_LOG_ERROR, "another file has been put at", path(), 0);
		return -ERR_IO;
	}
	created_dev = st.st_dev;
	created_ino = st.st_ino;
	listen_created = true;
	/* The folder's access control list may have reduced the mode. */
	if ((st.st_mode & 07777) != linux_options.mode && change(do_chmod) < 0) {
		return failed("cannot set the mode of");
	}
	if (owned &&
	    fchownat(fd, "", linux_options.owner, linux_options.group, AT_EMPTY_PATH) < 0) {
		return failed("cannot set the owner of");
	}
	return 0;
}

/* The socket has its mode from the start; nobody can connect before the caller listens. */
static int bind_path(void)
{
	mode_t saved = umask(0777 & ~linux_options.mode);
	int r = change(do_bind);
	int e = errno, fd;

	(void)umask(saved);
	if (r < 0) {
		errno = e;
		(void)failed("cannot bind to");
		return e == EADDRINUSE ? -ERR_ADDRESS : -ERR_IO;
	}
	fd = open(path(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
	r = give(fd);
	(void)close(fd);
	return r;
}

static int create(void)
{
	int r = clear_way();

	if (r < 0) {
		return r;
	}
	listen_fds[0] = make_socket();
	if (listen_fds[0] < 0) {
		return -ERR_IO;
	}
	listen_count = 1;
	r = bind_path();
	if (r == 0 && listen(listen_fds[0], SOMAXCONN) < 0) {
		r = failed("cannot listen on");
	}
	if (r < 0) {
		port_unlisten();
	}
	return r;
}

/* With a lock: if two start at once, the second finds that the first one answers. */
static int create_alone(void)
{
	int lock;
	int r = socket_folder_resolve(linux_options.socket.sun_path,
				      sizeof(linux_options.socket.sun_path), &users_folder);

	if (r < 0) {
		return r;
	}
	users_folder = users_folder && geteuid() == 0;
	sandbox_paths_fill();
	lock = socket_folder_lock(path());
	r = create();
	(void)close(lock);
	return r;
}

/* ---- the contract ------------------------------------------------------ */

int port_listen(enum port_mode mode)
{
	int r = option_files_read_once(); /* may wait for a pipe: signals are not blocked yet */

	if (r == 0) {
		r = signals_take();
	}
	if (r < 0 || mode == PORT_PROVISION) {
		return r;
	}
	if (mode == PORT_ONCE) {
		slot_open_stdio();
		return 0;
	}
	r = passed_sockets_adopt();
	return r < 0 ? r : r > 0 ? 0 : create_alone();
}

void port_unlisten(void)
{
	struct stat st;

	/* While the socket is open, no other file can have its inode number. */
	if (listen_created && lstat(sandbox_paths.socket, &st) == 0 && st.st_dev == created_dev &&
	    st.st_ino == created_ino) {
		(void)change(do_unlink);
	}
	listen_created = false;
	while (listen_count > 0) {
		(void)close(listen_fds[--listen_count]);
	}
}
