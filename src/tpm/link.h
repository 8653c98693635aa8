/*
 * The link to the TPM: the port's device behind a guard that checks every
 * response, and an ESAPI context on top of it.
 *
 * There is one link. It is closed, open or broken: a failed transfer, a
 * malformed response or an answer that ESAPI could not follow breaks it, and
 * only closing and opening it again heals it.
 */
#ifndef TPM_LINK_H
#define TPM_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include <tss2/tss2_esys.h>

/*
 * Opens the device and makes the ESAPI context. The link MUST be closed. May
 * block for as long as port_tpm_open may. *device names what was opened.
 * Errors: port_tpm_open's, -ERR_MEMORY, -ERR_INTERNAL.
 */
int link_open(const char **device);

/* Frees the context and closes the device. Idempotent. */
void link_close(void);

/* The context, or NULL if the link is closed. */
ESYS_CONTEXT *link_esys(void);

/* 0, or what broke the link: -ERR_TPM_RESPONSE, _VERSION, port_tpm_fault's. */
int link_fault(void);

/* Commands sent since the program started. */
uint32_t link_commands(void);

/* A command of our own, without ESAPI, and its response of at most *n bytes;
 * the buffer MUST stay. Codes of the TCTI's, TRY_AGAIN while there is none. */
TSS2_RC link_transmit(const uint8_t *command, size_t n);
TSS2_RC link_receive(uint8_t *response, size_t *n);

/* Wipes what the last response left in ESAPI's buffer. Not within a command. */
void link_wipe(void);

#endif
