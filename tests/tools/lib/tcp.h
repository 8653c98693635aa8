/*
 * A port of 127.0.0.1 in the place of the TPM's device, for programs that open no device file.
 */
#ifndef TOOLS_TCP_H
#define TOOLS_TCP_H

#include <stdbool.h>

/*
 * Reserves a free port, without listening yet. Returns it, or prints a message and returns
 * -1. Until then, tcp_open does nothing.
 */
int tcp_reserve(void);
/* From now on connections are accepted, or refused. */
void tcp_open(bool accepts);
/* The listening socket, or -1 while connections are refused. */
int tcp_listener(void);
/* Accepts a connection; -1 if there is none. */
int tcp_accept(void);

#endif
