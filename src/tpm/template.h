/*
 * The keys' templates: what a TPM derives them from, besides its seed.
 */
#ifndef TPM_TEMPLATE_H
#define TPM_TEMPLATE_H

#include <stdbool.h>

#include <tss2/tss2_tpm2_types.h>

/* EK: template L-1 (TCG EK Credential Profile, B.3.3): RSA 2048, policy A,
 * a unique of 256 zero bytes. */
extern const TPM2B_PUBLIC template_ek;

/* AIK: restricted ECDSA-SHA256 on P-256 with an empty authorisation. Its unique,
 * 32 zero bytes each, is part of what it is derived from. */
extern const TPM2B_PUBLIC template_aik;

/* Is the public area that of a key made from template_ek? */
bool template_is_ek(const TPMT_PUBLIC *area);

#endif
