/*
 * Between the clients and the TPM: sessions (one for each open of a device),
 * their commands one at a time, counted, recorded and disturbed on demand.
 *
 * A session of /dev/tpmrm0 takes its transient objects and sessions with it
 * when it ends, as the kernel's resource manager sees to; its handles are the
 * TPM's own, though, and no contexts are swapped (chip.h has the time of that). /dev/tpm0 can be opened once
 * and leaves behind what its client left.
 */
#ifndef TOOLS_PROXY_H
#define TOOLS_PROXY_H

#include "tpm.h"
#include "tracee.h"

#include <stdio.h>
#include <poll.h>

#define PROXY_SESSIONS 64
#define PROXY_FDS (PROXY_SESSIONS + 1)

/* t MUST outlive the proxy. */
void proxy_init(struct tpm *t);

/* A new session of that process: the client's end of it, or a negative errno. */
int proxy_open(enum device device, int pid);
/* Makes a connected socket a session of /dev/tpmrm0; takes fd over. */
int proxy_adopt(int fd);

/* What to poll for: at most PROXY_FDS; the earliest time to be called again
 * in us of CLOCK_MONOTONIC, if that is before *deadline. */
size_t proxy_poll(struct pollfd *fds, int64_t *deadline);
/* Does what can be done after that poll, of the same n descriptors. */
void proxy_run(const struct pollfd *fds, size_t n);

/* Hangs up on all sessions. */
void proxy_vanish(void);
/* From now on the device opens with this errno; 0: it opens. */
void proxy_set_open(enum device device, int open_errno);
/* What is in flight is no longer delayed, but for what a chip takes. */
void proxy_hasten(void);
/* Waits until the TPM has answered what is in flight. */
void proxy_settle(void);
/* The TPM has been started anew: nothing is loaded any more. */
void proxy_tpm_reset(void);
/* The TPM is gone: all sessions end. */
void proxy_tpm_lost(void);

/* Does the TPM work on a command, or is one on its way, or its answer? Its code in *cc, or 0. */
bool proxy_is_busy(uint32_t *cc);

/* As JSON, without a line end. */
void proxy_print_count(FILE *out);

#endif
