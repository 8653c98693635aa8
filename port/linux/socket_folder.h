/*
 * The folders on the way to the socket, and who may change what is in them.
 */
#ifndef LINUX_SOCKET_FOLDER_H
#define LINUX_SOCKET_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Resolves the links in the folder part of the path (`cap` bytes), in place:
 * afterwards it is absolute and contains no links. Each folder and link on the
 * way, from the root on, MUST belong to root, to us or to --user, and no other
 * user may write to such a folder, unless it is sticky like /tmp. If the default
 * socket's folder is missing, it is made. *users: one of them belongs to --user,
 * who is not root. -ERR_USAGE, -ERR_IO, logged.
 */
int socket_folder_resolve(char *path, size_t cap, bool *users);

/*
 * Locks the folder that `path` is in, so that two processes do not make the same
 * socket at the same time. Anybody who may read the folder can lock it, so this
 * waits for LOCK_MS at most and then goes on without; that is logged, and so is a
 * file system without locks. Returns a descriptor to be closed, or -1.
 */
int socket_folder_lock(const char *path);

#define LOCK_MS 2000

#endif
