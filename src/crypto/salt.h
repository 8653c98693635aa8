/*
 * Salts for sessions, encrypted ahead: while the TPM works on one thing, the
 * RSA-OAEP encryption for the next session is done, so that nobody waits for
 * it.
 *
 * ESAPI asks for a random salt and then for its encryption. If one has been
 * prepared, these two wishes are met with it. It is given away once at most,
 * and what was given for another purpose is never used as a salt again.
 */
#ifndef CRYPTO_SALT_H
#define CRYPTO_SALT_H

#include <tss2/tss2_esys.h>

/* Prepares a salt for an RSA EK of 2048 bits, unless there is one. Best effort. */
void salt_prepare(TPM2B_PUBLIC *ek);

/* Forgets what is prepared. */
void salt_wipe(void);

/* ESAPI's callbacks; where nothing is prepared, cipher.h's. */
TSS2_RC salt_random(TPM2B_NONCE *nonce, size_t n, void *userdata);
TSS2_RC salt_encrypt(TPM2B_PUBLIC *key, size_t in_len, BYTE *in, size_t cap, BYTE *out,
		     size_t *out_len, const char *label, void *userdata);

#endif
