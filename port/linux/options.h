/*
 * The values of this port's options, as port_options' setters leave them.
 */
#ifndef LINUX_OPTIONS_H
#define LINUX_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#define DEFAULT_DIR "/run/attestd"
#define DEFAULT_SOCKET DEFAULT_DIR "/attestd.sock"

enum sandbox_mode {
	SANDBOX_ON, /* protections that the system lacks are logged */
	SANDBOX_REQUIRE, /* ... are an error */
	SANDBOX_OFF,
};

struct linux_options {
	struct sockaddr_un socket; /* --socket */
	bool default_socket; /* --socket was not given */
	mode_t mode; /* --mode */
	uid_t owner; /* --owner; (uid_t)-1: the process's own */
	gid_t group; /* --group; (gid_t)-1: the process's own */
	const char *tpm; /* --tpm; NULL: the system's usual devices */
	const char *endorsement_auth; /* --endorsement-auth, a file; or NULL */
	const char *owner_auth; /* --owner-auth, likewise */
	const char *ek_cert; /* --ek-cert, likewise */
	uid_t user; /* --user; (uid_t)-1: no change */
	gid_t user_group;
	enum sandbox_mode sandbox; /* --sandbox */
};
extern struct linux_options linux_options;

/* The most entries of a list. */
#define ALLOW_MAX 64
struct allowed {
	struct {
		bool group;
		uint32_t id; /* a uid; of a group, its gid */
	} who[ALLOW_MAX];
	size_t count; /* 0: everybody */
};
extern struct allowed allowed_in; /* --allow */
extern struct allowed allowed_quote; /* --allow-quote */

#endif
