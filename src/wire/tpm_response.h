/*
 * Checks a TPM's response (TPM 2.0 Library part 1, 18: header, handle area,
 * parameter area, session area) before tpm2-tss sees it, which trusts the lengths in it.
 */
#ifndef WIRE_TPM_RESPONSE_H
#define WIRE_TPM_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the response to a TPM command depends on. */
struct command_shape {
	uint16_t tag; /* TPM_ST */
	uint32_t code; /* TPM_CC */
	unsigned sessions; /* authorisations in the session area */
};

/* Reads it from the n bytes of a command. It is all zero if they are no command, or one
 * with sessions that attestd does not send. */
struct command_shape command_shape(const uint8_t *command, size_t n);

/*
 * Can this response code come from a TPM (layer 0) or from a resource manager in its
 * place (layers 11, the kernel's, and 12)? Codes are passed on as they are: one of
 * another layer would look like an error of tpm2-tss itself, or of the job engine.
 */
bool tpm_response_is_code(uint32_t rc);

/*
 * Checks the n bytes of a response to the command:
 * - the size in its header is n;
 * - an error is a header alone, with a code that tpm_response_is_code accepts;
 * - a success has the command's tag, and a handle where the command returns one;
 * - with sessions, the parameters and each authorisation end where they must, and there
 *   is one authorisation for each session;
 * - if attestd reads any of the parameters, they are complete, and nothing follows them.
 * -ERR_TPM_VERSION: it is a TPM 1.2's answer to an unknown tag. -ERR_TPM_RESPONSE
 * otherwise.
 */
int tpm_response_check(struct command_shape command, const uint8_t *p, size_t n);

#endif
