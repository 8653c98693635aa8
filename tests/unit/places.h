/*
 * Folders and links for the socket of port/linux, in the test's folder.
 */
#ifndef TESTS_PLACES_H
#define TESTS_PLACES_H

#include "port_linux.h"

static char place[200];

/* The path of `name` in the test's folder. */
static inline const char *in_dir(const char *name)
{
	(void)snprintf(place, sizeof(place), "%s/%s", dir, name);
	return place;
}

static inline void make_folder(const char *name, mode_t mode)
{
	CHECK(mkdir(in_dir(name), 0) == 0 && chmod(place, mode) == 0);
}

static inline void make_link(const char *to, const char *name)
{
	CHECK(symlink(to, in_dir(name)) == 0);
}

/* The same with an absolute path. */
static inline void make_absolute_link(const char *to, const char *name)
{
	char whole[200];

	(void)snprintf(whole, sizeof(whole), "%s/%s", dir, to);
	make_link(whole, name);
}

static inline void listens_at(const char *name, int result)
{
	CHECK(set_option("--socket", in_dir(name)) == 0);
	CHECK(port_listen(PORT_SERVE) == result);
	CHECK((access(place, F_OK) == 0) == (result == 0));
	port_unlisten();
	CHECK(access(place, F_OK) < 0);
}

/* The port does not listen there, and logs why. */
static inline void refuses(const char *name, int result, const char *why)
{
	(void)log_read();
	CHECK(set_option("--socket", name) == 0);
	CHECK(port_listen(PORT_SERVE) == result && strstr(log_read(), why) != NULL);
}

#define USER 4711
#define USERS "4711:4712"

/* Ends the test, as passed, unless it runs as root: only root may give files to others and
 * become another user. */
static inline void as_root(void)
{
	if (geteuid() != 0) {
		_exit(0);
	}
	CHECK(chmod(dir, 0755) == 0);
}

#endif
