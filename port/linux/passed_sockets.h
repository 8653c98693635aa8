/*
 * Sockets that the supervisor passes, as systemd does (sd_listen_fds).
 */
#ifndef LINUX_PASSED_SOCKETS_H
#define LINUX_PASSED_SOCKETS_H

/* The first of them; the others follow. */
#define PASSED_FD 3

/* How many were passed to this very process. Ask before passed_sockets_adopt. */
unsigned passed_sockets_count(void);

/*
 * Fills listen_fds with the sockets that were passed to this very process, and
 * removes the environment variables that said so. Returns how many there are (0:
 * none was passed), or -ERR_IO, logged: one of them cannot be served.
 */
int passed_sockets_adopt(void);

#endif
