/*
 * The signals that end the program, and what its supervisor is told.
 */
#ifndef LINUX_LIFECYCLE_H
#define LINUX_LIFECYCLE_H

/* Readable once such a signal has come; -1 before signals_take. */
extern int signals_fd;

/* From here on, writing to a closed pipe fails with EPIPE and does not end the program. */
void signals_block_pipe(void);

/*
 * From here on these signals are blocked and arrive through signals_fd; SIGPIPE
 * is blocked too. Call it before anything that may wait, because tpm2-tss's TCTI
 * for devices does not recover from an EINTR. Idempotent. -ERR_IO, logged.
 */
int signals_take(void);

/*
 * A message for the supervisor waits for room in its queue: this descriptor is to
 * be polled for output, and then notify_go_on called. -1: no message waits.
 */
int notify_waits(void);
void notify_go_on(void);

#endif
