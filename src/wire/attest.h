/*
 * Reads the TPMS_ATTEST of a quote (TPM 2.0 Library part 2, 10.12.12).
 */
#ifndef WIRE_ATTEST_H
#define WIRE_ATTEST_H

#include <stddef.h>
#include <stdint.h>

/* The pointers point into the bytes that it was read from. */
struct attest_quote {
	const uint8_t *nonce; /* extraData */
	size_t nonce_len;
	uint32_t pcrs; /* bit i: PCR i is among those quoted */
	const uint8_t *digest; /* over their values, in ascending order */
	size_t digest_len;
};

/*
 * Reads the n bytes of a quote of PCRs of this bank (TPM_ALG_ID). A quote of no PCRs is
 * accepted: a TPM that does not have the bank returns one. The caller checks the nonce
 * and the PCRs.
 * -ERR_TPM_RESPONSE: the bytes are not exactly one quote, or it is of another bank, of
 * more than one bank, or of a PCR above 23. out is zero then.
 */
int attest_quote_read(const uint8_t *p, size_t n, uint16_t bank, struct attest_quote *out);

#endif
