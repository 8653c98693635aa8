/*
 * The sockets that clients connect to.
 */
#ifndef LINUX_LISTEN_H
#define LINUX_LISTEN_H

#include <stdbool.h>

#define LISTEN_MAX 8

/*
 * They listen and do not block. There is one that was created, or those that
 * were passed; none before port_listen and after port_unlisten.
 */
extern int listen_fds[LISTEN_MAX];
extern unsigned listen_count;
/* It was created, not adopted, and so is to be removed. */
extern bool listen_created;

#endif
