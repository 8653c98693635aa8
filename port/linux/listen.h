/*
 * The sockets that clients connect to.
 */
#ifndef LINUX_LISTEN_H
#define LINUX_LISTEN_H

#include <stdbool.h>

#define LISTEN_MAX 8

/*
 * They listen and do not block: one that was created, or those that were
 * passed; none before port_listen and after port_unlisten.
 */
extern int listen_fds[LISTEN_MAX];
extern unsigned listen_count;
/* The socket was created here, so port_unlisten removes it. */
extern bool listen_created;

#endif
