/*
 * The control socket: a line is a command, a line is its answer ("ok", JSON,
 * or "error TEXT"). `help` lists the commands.
 */
#ifndef TOOLS_CONTROL_H
#define TOOLS_CONTROL_H

#include "tpm.h"

#include <poll.h>

#define CONTROL_CLIENTS 8
#define CONTROL_FDS (CONTROL_CLIENTS + 1)

/* Listens at path (NULL: nowhere). 0 or -1. */
int control_init(const char *path, struct tpm *tpm);
/* The process id that `pid` answers. */
void control_set_pid(int pid);
void control_end(void);

size_t control_poll(struct pollfd *fds);
void control_run(const struct pollfd *fds, size_t n);

/* A listening Unix socket at path, or -1 with a message. */
int listen_at(const char *path);

#endif
