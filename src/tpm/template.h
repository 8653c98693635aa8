/*
 * The keys' templates: what a TPM derives them from, besides its seed.
 */
#ifndef TPM_TEMPLATE_H
#define TPM_TEMPLATE_H

#include <stdbool.h>

#include <tss2/tss2_tpm2_types.h>

/* EK: template L-1 (TCG EK Credential Profile, B.3.3): RSA 2048, policy A,
 * a unique of 256 zero bytes. */
extern TPM2B_PUBLIC template_ek;

/* AIKs: restricted ECDSA-SHA256 on P-256 with an empty authorisation. Its unique,
 * 32 zero bytes each, is part of what it is derived from. */
extern TPM2B_PUBLIC template_aik_ecc;
/* ... and RSASSA-SHA256, RSA 2048, its unique 256 zero bytes. */
extern TPM2B_PUBLIC template_aik_rsa;

/* Fills them in; MUST be called once, before they are read. */
void templates_make(void);

/* Is the public area that of a key made from the template? */
bool template_matches(const TPM2B_PUBLIC *template, const TPMT_PUBLIC *area);

/*
 * The EK's template as the TPM's maker has left it in NV: the n bytes of a
 * TPMT_PUBLIC, and no more. false, with *template unspecified, if it is not that
 * of an EK as attestd can use it: RSA 2048 with SHA-256, for decryption, fixed to
 * its TPM, of policy A.
 */
bool template_read(const uint8_t *p, size_t n, TPM2B_PUBLIC *template);

/*
 * Puts the EK's nonce, n bytes, into the template's unique, and zeros behind it
 * (TCG EK Credential Profile, 2.2.1.6). false if it is longer than that.
 */
bool template_add_nonce(TPM2B_PUBLIC *template, const uint8_t *nonce, size_t n);

#endif
