/*
 * TPMS_ATTEST of a quote (TPM 2.0 Library part 2, 10.12.12): what it says.
 */
#ifndef WIRE_ATTEST_H
#define WIRE_ATTEST_H

#include <stddef.h>
#include <stdint.h>

/* The pointers go into the bytes it was read from. */
struct attest_quote {
	const uint8_t *nonce; /* extraData */
	size_t nonce_len;
	uint32_t pcrs; /* bit i: PCR i is among those quoted */
	const uint8_t *digest; /* over their values, in ascending order */
	size_t digest_len;
};

/*
 * Reads the n bytes of a quote of PCRs of this bank (TPM_ALG_ID). That no PCR is
 * selected is no error: a TPM without the bank answers so.
 * -ERR_TPM_RESPONSE: they are no quote, or not whole, or something is behind it;
 * it is of another bank, or of more than one, or of PCRs from 24 on. The caller
 * checks the nonce and the PCRs. out is zero on failure.
 */
int attest_quote_read(const uint8_t *p, size_t n, uint16_t bank, struct attest_quote *out);

#endif
