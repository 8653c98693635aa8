/*
 * The signals that end the program, and what its supervisor is told.
 */
#ifndef LINUX_LIFECYCLE_H
#define LINUX_LIFECYCLE_H

/* Readable once one of them has come; -1 before signals_take. */
extern int signals_fd;

/* Whose reader is gone shows as EPIPE from here on, and does not end the program. */
void signals_block_pipe(void);

/*
 * Blocks them and takes them through signals_fd from here on; SIGPIPE is
 * blocked too. Must come before anything that may wait: the pinned tcti-device
 * never recovers from an EINTR. Idempotent. -ERR_IO, logged.
 */
int signals_take(void);

/*
 * What the supervisor's queue had no room for is said when it has: to be polled
 * for output, or -1 if there is nothing of the kind. Then notify_go_on.
 */
int notify_waits(void);
void notify_go_on(void);

#endif
