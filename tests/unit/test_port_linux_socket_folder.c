/*
 * port/linux: where its socket may be.
 */
#include "places.h"

#include "../../port/linux/sandbox_paths.h"

static void others_may_write(void)
{
	make_folder("own", 0755);
	make_folder("group", 0770);
	make_folder("all", 0757);
	make_folder("like-tmp", 01777);
	make_folder("all/own", 0700);
	make_folder("like-tmp/own", 0700);
	listens_at("own/s", 0);
	listens_at("like-tmp/s", 0);
	listens_at("like-tmp/own/s", 0);
	listens_at("group/s", -ERR_USAGE);
	listens_at("all/s", -ERR_USAGE);
	listens_at("all/own/s", -ERR_USAGE);
}

/* For a relative path, all folders above the current one count as well. */
static void relative(void)
{
	char here[200];

	log_begin();
	make_folder("own", 0755);
	make_folder("all", 0757);
	make_folder("all/own", 0700);
	(void)snprintf(here, sizeof(here), "%s/own/s", dir);
	CHECK(chdir(in_dir("own")) == 0);
	for (unsigned i = 0; i < 3; i++) {
		static const char *const names[] = {"s", "./s", "../own//./s"};

		CHECK(set_option("--socket", names[i]) == 0 && port_listen(PORT_SERVE) == 0);
		CHECK(strcmp(sandbox_paths.socket, here) == 0);
		CHECK(chdir("/") == 0); /* the path is absolute now */
		port_unlisten();
		CHECK(access(here, F_OK) < 0 && chdir(in_dir("own")) == 0);
	}
	refuses("../all/s", -ERR_USAGE, "other users may write to /tmp/");
	CHECK(chdir(in_dir("all/own")) == 0);
	refuses("s", -ERR_USAGE, "/all\n");
	refuses("./s", -ERR_USAGE, "/all\n");
	CHECK(rmdir(in_dir("all/own")) == 0);
	refuses("s", -ERR_IO, "cannot find the folder of s: no such file");
}

/* Links are followed, as /var/run is a link to /run on most systems; the target's folders
 * are checked as well. */
static void links(void)
{
	static const char *const good[] = {"link/s",    "link//s",  "to-own/inner/s",
					   "to-link/s", "up/own/s", "link/../inner/s"};
	char real[200];

	log_begin();
	make_folder("own", 0755);
	make_folder("own/inner", 0755);
	make_folder("all", 0777);
	make_folder("all/inner", 0755);
	make_link("own/inner", "link");
	make_link("link/.", "to-link");
	make_link("..", "own/up");
	make_link("own/up", "up");
	make_absolute_link("own", "to-own");
	make_absolute_link("all/inner", "to-all");
	make_link("all/inner/", "own/../also-to-all");
	make_link("round", "round");
	(void)snprintf(real, sizeof(real), "%s/own/inner/s", dir);
	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CHECK(set_option("--socket", in_dir(good[i])) == 0);
		CHECK(port_listen(PORT_SERVE) == 0);
		CHECK(access(place, F_OK) == 0);
		CHECK(i == 4 ||
		      (strcmp(sandbox_paths.socket, real) == 0 && access(real, F_OK) == 0));
		port_unlisten();
		CHECK(access(place, F_OK) < 0);
	}
	refuses(in_dir("to-all/s"), -ERR_USAGE, "/all\n");
	refuses(in_dir("to-all//s"), -ERR_USAGE, "/all\n");
	refuses(in_dir("also-to-all//s"), -ERR_USAGE, "/all\n");
	refuses(in_dir("round/s"), -ERR_IO, "cannot follow");
	CHECK(close(open(in_dir("file"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)) == 0);
	refuses(in_dir("file/s"), -ERR_IO, "not a directory");
	refuses(in_dir("none/s"), -ERR_IO, "no such file or directory");
}

/* A socket's path has at most 107 characters. Resolving links may make it shorter or longer. */
static void too_long(void)
{
	char name[1200] = "", *end = name;

	log_begin();
	memset(name, 'x', 90);
	make_link(name, "link");
	CHECK(chdir(dir) == 0 && mkdir(name, 0700) == 0);
	refuses(in_dir("link/s"), -ERR_IO, "too long");
	CHECK(set_option("--socket", path) == 0 && port_listen(PORT_SERVE) == 0);
	port_unlisten();
	for (unsigned i = 0; i < 480; i++) {
		end = stpcpy(end, "./");
	}
	make_link(name, "dots");
	listens_at("dots/s", 0);
	memset(end, '/', 60);
	make_link(name, "more");
	refuses(in_dir("more/s"), -ERR_IO, "too long");
}

static void anothers(void)
{
	as_root();
	make_folder("his", 0755);
	CHECK(chown(place, USER, 0) == 0);
	make_folder("his/inner", 0755);
	make_folder("own", 0755);
	make_folder("own/inner", 0755);
	make_link("own", "link");
	make_link("his", "to-his");
	listens_at("his/s", -ERR_USAGE);
	listens_at("his/inner/s", -ERR_USAGE);
	/* but a folder of --user is accepted: an earlier attestd has left it */
	CHECK(set_option("--user", USERS) == 0);
	listens_at("his/s", 0);
	CHECK(set_option("--user", "4712:4711") == 0);
	listens_at("link/inner/s", 0);
	listens_at("to-his/inner/s", -ERR_USAGE);
	CHECK(lchown(in_dir("link"), USER, 0) == 0);
	listens_at("link/inner/s", -ERR_USAGE);
	/* Folders of root and of our own user are accepted. */
	CHECK(seteuid(USER) == 0);
	listens_at("his/s", 0);
	listens_at("his/inner/s", -ERR_IO); /* --user may not write there */
}

#define ALL_TESTS(X)        \
	X(others_may_write) \
	X(relative)         \
	X(links)            \
	X(too_long)         \
	X(anothers)

RUN(ALL_TESTS)
