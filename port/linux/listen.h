/*
 * The socket that clients connect to.
 */
#ifndef LINUX_LISTEN_H
#define LINUX_LISTEN_H

#include <stdbool.h>

/* It listens and does not block; -1 before port_listen, after port_unlisten. */
extern int listen_fd;
/* It was created, not adopted, and so is to be removed. */
extern bool listen_created;

#endif
