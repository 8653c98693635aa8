/*
 * The folders on the way to the socket, and who may change what is in them.
 */
#ifndef LINUX_SOCKET_FOLDER_H
#define LINUX_SOCKET_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Resolves the links in the folder part of the path (`cap` bytes), in place:
 * it is absolute then, and what it leads through is no link any more. Each
 * folder and link on the way, up to the root, MUST be root's, ours or
 * --user's, and a folder writable for nobody else, or be like /tmp. Makes the
 * last one if it is the default socket's and missing. *users: one of them is
 * --user's, who is not root. -ERR_USAGE, -ERR_IO, logged.
 */
int socket_folder_resolve(char *path, size_t cap, bool *users);

/*
 * Locks the folder that `path` is in, so that of those who would make the same
 * socket one comes after the other. Who holds it for longer than LOCK_MS is
 * not waited for, since every reader of the folder can; that is logged, as is
 * a file system without locks. A descriptor to be closed, or -1.
 */
int socket_folder_lock(const char *path);

#define LOCK_MS 2000

#endif
