/*
 * The control socket. Each command is a line, and so is its answer: "ok", JSON, or
 * "error TEXT". `help` lists the commands.
 */
#ifndef TOOLS_CONTROL_H
#define TOOLS_CONTROL_H

#include "tpm.h"

#include <poll.h>

#define CONTROL_CLIENTS 8
#define CONTROL_FDS (CONTROL_CLIENTS + 1)

/* Listens at path, or nowhere if it is NULL. Returns 0 or -1. */
int control_init(const char *path, struct tpm *tpm);
/* Sets the process id with which `pid` is answered. */
void control_set_pid(int pid);
void control_end(void);

size_t control_poll(struct pollfd *fds);
void control_run(const struct pollfd *fds, size_t n);

/* Returns a listening Unix socket at path, or prints a message and returns -1. */
int listen_at(const char *path);

#endif
