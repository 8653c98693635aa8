/*
 * Sockets that the supervisor passes, as systemd does (sd_listen_fds).
 */
#ifndef LINUX_PASSED_SOCKETS_H
#define LINUX_PASSED_SOCKETS_H

/* The first of them; the others follow. */
#define PASSED_FD 3

/* How many were passed to this very process, before passed_sockets_adopt. */
unsigned passed_sockets_count(void);

/*
 * Fills listen_fds with what was passed to this very process, and forgets the
 * variables that said so. Returns how many there are, 0 where none was passed,
 * or -ERR_IO, logged: then one of them cannot be served, and none is.
 */
int passed_sockets_adopt(void);

#endif
