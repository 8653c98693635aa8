/*
 * The keys' templates: a TPM derives a primary key from its seed and the template.
 */
#ifndef TPM_TEMPLATE_H
#define TPM_TEMPLATE_H

#include <stdbool.h>

#include <tss2/tss2_tpm2_types.h>

/* EK: template L-1 (TCG EK Credential Profile, B.3.3): RSA 2048, policy A,
 * a unique of 256 zero bytes. */
extern TPM2B_PUBLIC template_ek;

/* AIK: a restricted signing key with an empty authorisation, ECDSA with SHA-256 on P-256.
 * Its `unique` (x and y: 32 zero bytes each) matters too: another one gives another key. */
extern TPM2B_PUBLIC template_aik_ecc;
/* The same as RSA 2048, RSASSA with SHA-256; its `unique` is 256 zero bytes. */
extern TPM2B_PUBLIC template_aik_rsa;

/* Fills them in. MUST be called once, before they are used. */
void templates_make(void);

/* Is this the public area of a key made from the template? */
bool template_matches(const TPM2B_PUBLIC *template, const TPMT_PUBLIC *area);

/*
 * Reads the EK's template that the TPM's maker has stored in NV: a TPMT_PUBLIC of exactly
 * n bytes. Returns false, with *template unspecified, if attestd cannot use such an EK: it
 * MUST be RSA 2048 with SHA-256, for decryption, fixed to its TPM, with policy A.
 */
bool template_read(const uint8_t *p, size_t n, TPM2B_PUBLIC *template);

/*
 * Puts the EK's nonce (n bytes, followed by zeros) into the template's `unique` (TCG EK
 * Credential Profile, 2.2.1.6). Returns false, and changes nothing, if it does not fit.
 */
bool template_add_nonce(TPM2B_PUBLIC *template, const uint8_t *nonce, size_t n);

#endif
