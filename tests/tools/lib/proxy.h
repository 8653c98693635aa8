/*
 * Stands between the clients and the TPM. Each open of a device is a session. The
 * sessions' commands go to the TPM one at a time, and are counted and recorded; faults are
 * made on demand.
 *
 * When a session of /dev/tpmrm0 ends, its transient objects and TPM sessions are flushed, as
 * by the kernel's resource manager. But its handles are the TPM's own, and no contexts are
 * swapped (chip.h has the time that swapping takes). /dev/tpm0 can be opened once, and what
 * its client has left in the TPM stays there.
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

/* Begins a session of that process. Returns the client's descriptor, or a negative errno. */
int proxy_open(enum device device, int pid);
/* Makes a connected socket a session of /dev/tpmrm0. fd is the proxy's from then on. */
int proxy_adopt(int fd);

/* Sets what to poll for and returns how many descriptors that are, at most PROXY_FDS. Brings
 * *deadline (us of CLOCK_MONOTONIC) forward if proxy_run has to be called before it. */
size_t proxy_poll(struct pollfd *fds, int64_t *deadline);
/* Does what can be done after that poll of the same n descriptors. */
void proxy_run(const struct pollfd *fds, size_t n);

/* Ends all sessions. */
void proxy_vanish(void);
/* From now on an open of the device fails with this errno; 0: it succeeds. */
void proxy_set_open(enum device device, int open_errno);
/* Ends the delay of the command in flight, but not the time that a chip takes. */
void proxy_hasten(void);
/* Waits until the TPM has answered the command in flight. */
void proxy_settle(void);
/* To be called when the TPM was started anew: nothing is loaded any more. */
void proxy_tpm_reset(void);
/* To be called when the TPM has ended: ends all sessions. */
void proxy_tpm_lost(void);

/* Returns whether a command or its response is under way. *cc: the command's code, or 0. */
bool proxy_is_busy(uint32_t *cc);

/* Prints the counts as JSON, without a line end. */
void proxy_print_count(FILE *out);

#endif
