/*
 * The software TPM (swtpm): its process, its one connection, and commands that the
 * launcher itself sends.
 *
 * swtpm serves one connection at a time and has no resource manager. proxy.c makes a
 * TPM for several clients of it.
 */
#ifndef TOOLS_TPM_H
#define TOOLS_TPM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TPM_BUFFER 4096
#define TPM_HEADER 10
#define TPM_AUTH_MAX 32

#define TPM_CC_Certify 0x148U
#define TPM_CC_FlushContext 0x165U
#define TPM_CC_GetCapability 0x17AU
#define TPM_CC_Shutdown 0x145U

/* The TPM's process and connection. fd is -1 while there is none. */
struct tpm {
	int fd;
	int pid;
	const char *state; /* a folder; the caller keeps the text */
	char socket[96];
};

/*
 * Starts swtpm with the folder `state` and waits until it answers, 10 s at most. Returns 0,
 * or prints the reason to standard error and returns -1.
 */
int tpm_start(struct tpm *t, const char *state);
/* Ends the process: orderly with TPM2_Shutdown and SIGTERM, else with SIGKILL. */
void tpm_stop(struct tpm *t, bool orderly);

/* Sends a whole command. Returns 0, or -1 if the TPM has ended. */
int tpm_send(struct tpm *t, const uint8_t *cmd, size_t n);
/* Reads a whole response, at most TPM_BUFFER bytes. Returns its length; 0: the TPM has ended. */
size_t tpm_receive(struct tpm *t, uint8_t *rsp);

/* Flushes a transient object or a session. Returns whether it was there. */
bool tpm_flush(struct tpm *t, uint32_t handle);
/*
 * Sets an empty endorsementAuth to at most TPM_AUTH_MAX bytes. Returns false if it was not
 * empty, or if auth is longer.
 */
bool tpm_set_endorsement_auth(struct tpm *t, const char *auth);
/*
 * Lists the handles from `first` on that are of its kind: 0x80000000 transient objects,
 * 0x02000000 loaded sessions, 0x03000000 saved sessions, 0x81000000 persistent objects.
 * Returns their number, at most cap.
 */
size_t tpm_handles(struct tpm *t, uint32_t first, uint32_t *handles, size_t cap);
/* Prints what is loaded as JSON, without a line end. The TPM MUST NOT be working on a command. */
void tpm_print_handles(struct tpm *t, FILE *out);

/* CLOCK_MONOTONIC */
int64_t now_us(void);

uint32_t tpm_u32(const uint8_t *p);
void tpm_put32(uint8_t *p, uint32_t v);

#endif
