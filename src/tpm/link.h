/*
 * The link to the TPM: an ESAPI context, which talks to the port's device through a
 * guard (a TCTI), which checks every response before ESAPI sees it.
 *
 * There is one link, in one of three states:
 *   closed  link_esys() is NULL
 *   open    link_fault() is 0
 *   broken  link_fault() is not 0: a transfer failed, or a response was malformed.
 *           Every further command fails, until the link is closed and opened again.
 */
#ifndef TPM_LINK_H
#define TPM_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include <tss2/tss2_esys.h>

/*
 * Opens the device and creates the ESAPI context. The link MUST be closed, and stays
 * closed after an error. Blocks for as long as port_tpm_open does. *device becomes the
 * device's name (static). Errors: port_tpm_open's, -ERR_MEMORY, -ERR_INTERNAL.
 */
int link_open(const char **device);

/* Frees the context and closes the device. Idempotent. */
void link_close(void);

/* The context, or NULL if the link is closed. */
ESYS_CONTEXT *link_esys(void);

/* 0, or why the link is broken: -ERR_TPM_RESPONSE, -ERR_TPM_VERSION, or an error of
 * port_tpm_fault's. */
int link_fault(void);

/* TPM commands sent since the program started. */
uint32_t link_commands(void);

/*
 * Sends a command past ESAPI, and receives its response: at most *n bytes, which becomes
 * the response's length. The response buffer MUST stay valid until link_wipe or the next
 * response. They return the TCTI's codes: TSS2_TCTI_RC_TRY_AGAIN while the TPM works,
 * TSS2_TCTI_RC_IO_ERROR if the link is broken.
 */
TSS2_RC link_transmit(const uint8_t *command, size_t n);
TSS2_RC link_receive(uint8_t *response, size_t *n);

/* Wipes the last response in the buffer that it was received to (ESAPI's own). MUST NOT
 * be called while a command is at work. */
void link_wipe(void);

#endif
