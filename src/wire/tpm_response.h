/*
 * Is this a TPM's response? (TPM 2.0 Library part 1, 18: header, handle area,
 * parameter area, session area.)
 *
 * The library above trusts the lengths in a response; this check comes first.
 */
#ifndef WIRE_TPM_RESPONSE_H
#define WIRE_TPM_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* TPM_ST (part 2, 6.9). */
#define RESPONSE_TAG_TPM12 0x00c4 /* TPM_TAG_RSP_COMMAND of TPM 1.2 */
#define RESPONSE_RC_BADTAG 30 /* TPM_BADTAG: what a TPM 1.2 says to a tag of TPM 2.0 */
#define RESPONSE_TAG_PLAIN 0x8001
#define RESPONSE_TAG_SESSIONS 0x8002

/* What of a command its response depends on. */
struct command_shape {
	uint16_t tag;
	uint32_t code;
	unsigned sessions; /* authorisations in the session area */
};

/* Reads it from a command; all zero if the n bytes are no command, or are one
 * with sessions that attestd does not send. */
struct command_shape command_shape(const uint8_t *command, size_t n);

/*
 * Is this code of a layer that answers: a TPM's, or that of a resource manager in
 * its place (the kernel's is 11)? Codes are handed on as they are, and one of another
 * layer would be taken for the library's own word, or the job engine's.
 */
bool tpm_response_is_code(uint32_t rc);

/*
 * Checks the n bytes that came in answer to the command: the header's size is
 * n; an error is a bare header, its code of a layer that may answer; a success has
 * the command's tag, and its handle; with sessions its parameterSize and each
 * authorisation end where they must, and there is one for each session; the
 * parameters, if attestd reads any of them, are whole, and nothing is behind them.
 * -ERR_TPM_VERSION for a TPM 1.2's tag, -ERR_TPM_RESPONSE otherwise.
 */
int tpm_response_check(struct command_shape command, const uint8_t *p, size_t n);

#endif
