/*
 * A software TPM (swtpm) of our own: its process, its one connection, and
 * commands of the launcher's own on it.
 *
 * swtpm serves one connection at a time and knows no resource manager; what
 * several clients see is made of it in proxy.c.
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
	const char *state; /* folder, the caller's */
	char socket[96];
};

/*
 * Starts swtpm on the folder `state` and waits, at most 10 s, until it
 * answers. Returns 0, or -1 with the reason on standard error.
 */
int tpm_start(struct tpm *t, const char *state);
/* Ends the process: TPM2_Shutdown and SIGTERM, or SIGKILL at once. */
void tpm_stop(struct tpm *t, bool orderly);

/* Sends a whole command. Returns 0, or -1: the TPM is gone. */
int tpm_send(struct tpm *t, const uint8_t *cmd, size_t n);
/* Reads a whole response, at most TPM_BUFFER; its length, or 0: it is gone. */
size_t tpm_receive(struct tpm *t, uint8_t *rsp);

/* Flushes a transient object or a session; whether it was there. */
bool tpm_flush(struct tpm *t, uint32_t handle);
/*
 * Sets endorsementAuth, of at most TPM_AUTH_MAX bytes. False: it is not empty
 * any more, or that is too long.
 */
bool tpm_set_endorsement_auth(struct tpm *t, const char *auth);
/*
 * The handles from `first` on, of its own kind: 0x80000000 transient objects,
 * 0x02000000 loaded sessions, 0x03000000 saved ones, 0x81000000 persistent
 * objects. Their number, at most cap.
 */
size_t tpm_handles(struct tpm *t, uint32_t first, uint32_t *handles, size_t cap);
/* What is loaded, as JSON, without a line end. The TPM MUST have nothing in flight. */
void tpm_print_handles(struct tpm *t, FILE *out);

/* CLOCK_MONOTONIC */
int64_t now_us(void);

uint32_t tpm_u32(const uint8_t *p);
void tpm_put32(uint8_t *p, uint32_t v);

#endif
