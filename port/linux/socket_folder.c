#include "socket_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "err.h"
#include "log.h"
#include "options.h"
#include "port.h"

#define WALK_MAX 1024
#define LINKS_MAX 40 /* as in the kernel */
#define LOCK_RETRY_MS 10

struct walk {
	char at[WALK_MAX]; /* the resolved part, without a slash at its end: "" is the root */
	size_t n; /* its length */
	char todo[WALK_MAX]; /* what follows it and is not resolved yet */
	unsigned links; /* how many have been followed */
	bool users; /* socket_folder_resolve's *users */
};

static int refuse(const char *why, const char *folder, int e)
{
	log_reason(PORT_LOG_ERROR, why, folder, e);
	return e != 0 ? -ERR_IO : -ERR_USAGE;
}

static const char *name_of(const struct walk *w)
{
	return w->n > 0 ? w->at : "/";
}

static void go_up(struct walk *w)
{
	const char *slash = strrchr(w->at, '/');

	w->n = slash != NULL ? (size_t)(slash - w->at) : 0;
	w->at[w->n] = '\0';
}

/* Adds a folder in front of `todo`. */
static int put_in_front(struct walk *w, const char *text, size_t n)
{
	size_t rest = strlen(w->todo) + 1;

	if (n + 1 + rest > sizeof(w->todo)) {
		return refuse("the path is too long from", name_of(w), ENAMETOOLONG);
	}
	memmove(w->todo + n + 1, w->todo, rest);
	memcpy(w->todo, text, n);
	w->todo[n] = '/';
	return 0;
}

static int follow(struct walk *w)
{
	char target[WALK_MAX];
	ssize_t n = readlink(name_of(w), target, sizeof(target));

	if (n < 0 || ++w->links > LINKS_MAX) {
		return refuse("cannot follow", name_of(w), n < 0 ? errno : ELOOP);
	}
	if (n > 0 && target[0] == '/') {
		w->n = 0;
		w->at[0] = '\0';
	} else {
		go_up(w);
	}
	return put_in_front(w, target, (size_t)n);
}

/*
 * --user gets the folder, to be able to remove the socket later; but not if that
 * user could have replaced the new folder by something of root's in the meantime.
 */
static int make(const struct walk *w)
{
	const char *folder = name_of(w);
	mode_t saved = umask(022);
	int r = mkdir(folder, 0755);

	(void)umask(saved);
	if (r < 0) {
		return errno == EEXIST ? 0 : refuse("cannot make", folder, errno);
	}
	if (!w->users) {
		/* only root can, and need not succeed */
		(void)lchown(folder, linux_options.user, linux_options.user_group);
	}
	return 0;
}

static const char *past_slashes(const char *p)
{
	while (*p == '/') {
		p++;
	}
	return p;
}

/* Whoever may write to a folder could put another socket in the place of ours. */
static int look(struct walk *w)
{
	bool last = *past_slashes(w->todo) == '\0';
	const char *at = name_of(w);
	struct stat st;
	int r = lstat(at, &st);

	if (r < 0 && errno == ENOENT && last && linux_options.default_socket) {
		r = make(w);
		if (r < 0) {
			return r;
		}
		r = lstat(at, &st);
	}
	if (r < 0) {
		return refuse("cannot look at", at, errno);
	}
	if (st.st_uid != 0 && st.st_uid != geteuid() && st.st_uid != linux_options.user) {
		return refuse("another user owns", at, 0);
	}
	if (S_ISLNK(st.st_mode)) {
		return follow(w);
	}
	if (!S_ISDIR(st.st_mode)) {
		return refuse("there can be no socket in", at, ENOTDIR);
	}
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 && (st.st_mode & S_ISVTX) == 0) {
		return refuse("other users may write to", at, 0);
	}
	w->users = w->users || st.st_uid == linux_options.user;
	return 0;
}

/* Moves the first name of `todo` to the end of `at`. False: there is none. */
static bool step(struct walk *w)
{
	const char *name = past_slashes(w->todo);
	size_t n = (size_t)(strchrnul(name, '/') - name);

	if (n == 0) {
		return false;
	}
	if (n == 2 && name[0] == '.' && name[1] == '.') {
		go_up(w);
	} else if (n > 1 || name[0] != '.') {
		w->at[w->n++] = '/';
		memcpy(w->at + w->n, name, n);
		w->n += n;
		w->at[w->n] = '\0';
	}
	memmove(w->todo, name + n, strlen(name + n) + 1);
	return true;
}

/* Begins the walk. The folder part of the path is its first n bytes. */
static int begin(struct walk *w, const char *path, size_t n)
{
	char start[WALK_MAX];
	int r = put_in_front(w, path, n);

	if (r < 0 || path[0] == '/') {
		return r;
	}
	/* Not getcwd: musl's calls strdup, which needs malloc, 6 kB. */
	if (syscall(SYS_getcwd, start, sizeof(start)) < 0) {
		return refuse("cannot find the folder of", path, errno);
	}
	if (start[0] != '/') { /* "(unreachable)...": it is outside of our root */
		return refuse("cannot find the folder of", path, ENOENT);
	}
	return put_in_front(w, start, strlen(start));
}

int socket_folder_resolve(char *path, size_t cap, bool *users)
{
	struct walk w = {.n = 0};
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	size_t n = strlen(name) + 1;
	int r = begin(&w, path, (size_t)(name - path));

	do {
		if (r == 0 && w.n + strlen(w.todo) >= sizeof(w.at)) {
			r = refuse("the path is too long from", name_of(&w), ENAMETOOLONG);
		}
		if (r == 0) {
			r = look(&w);
		}
	} while (r == 0 && step(&w));
	*users = w.users;
	if (r == 0 && w.n + 1 + n > cap) {
		r = refuse("without links it is too long:", path, ENAMETOOLONG);
	}
	if (r == 0) {
		memmove(path + w.n + 1, name, n);
		memcpy(path, w.at, w.n);
		path[w.n] = '/';
	}
	return r;
}

int socket_folder_lock(const char *path)
{
	char folder[WALK_MAX] = "/";
	size_t n = (size_t)(strrchr(path, '/') - path);
	uint64_t end = port_now_ms() + LOCK_MS;
	int fd, e;

	memcpy(folder, path, n > 0 ? n : 1);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	e = fd < 0 ? errno : EWOULDBLOCK;
	while (e == EWOULDBLOCK) {
		bool late = port_now_ms() >= end;

		e = flock(fd, LOCK_EX | LOCK_NB) < 0 ? errno : 0;
		if (late) {
			break;
		}
		if (e == EWOULDBLOCK) {
			(void)poll(NULL, 0, LOCK_RETRY_MS);
		}
	}
	if (e == EWOULDBLOCK) {
		log_reason(PORT_LOG_WARNING, "another program keeps it locked:", folder, 0);
	} else if (e != 0) {
		log_reason(PORT_LOG_WARNING, "cannot lock", folder, e);
	}
	return fd;
}
