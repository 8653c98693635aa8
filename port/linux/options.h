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
	SANDBOX_ON, /* what the system lacks is told and done without */
	SANDBOX_REQUIRE, /* ... is the end */
	SANDBOX_OFF,
};

struct linux_options {
	struct sockaddr_un socket; /* --socket */
	bool default_socket; /* it is DEFAULT_SOCKET, not asked for */
	mode_t mode; /* --mode */
	uid_t owner; /* --owner; (uid_t)-1: as the process's */
	gid_t group; /* --group; (gid_t)-1: as the process's */
	const char *tpm; /* --tpm; NULL: the system's */
	const char *endorsement_auth; /* --endorsement-auth, a file; or NULL */
	const char *owner_auth; /* --owner-auth, likewise */
	const char *ek_cert; /* --ek-cert, likewise */
	uid_t user; /* --user; (uid_t)-1: stays who it is */
	gid_t user_group;
	enum sandbox_mode sandbox; /* --sandbox */
};
extern struct linux_options linux_options;

/* Entries of a list. */
#define ALLOW_MAX 64
struct allowed {
	struct {
		bool group;
		uint32_t id; /* a uid, or of a group the gid */
	} who[ALLOW_MAX];
	size_t count; /* 0: everybody */
};
extern struct allowed allowed_in; /* --allow: of those that the mode lets in */
extern struct allowed allowed_quote; /* --allow-quote: of those who are in */

#endif
