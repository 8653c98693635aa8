/*
 * The TPM's device as a port of 127.0.0.1, for programs that open no file.
 */
#ifndef TOOLS_TCP_H
#define TOOLS_TCP_H

#include <stdbool.h>

/*
 * Takes a free port, at which nobody listens yet. Returns it, or -1 with a
 * message. Without it, tcp_open does nothing.
 */
int tcp_reserve(void);
/* From now on connections are accepted, or refused; at once. */
void tcp_open(bool accepts);
/* The listening socket, -1 while connections are refused. */
int tcp_listener(void);
/* The next connection, or -1. */
int tcp_accept(void);

#endif
