/*
 * Salts for sessions, encrypted in advance: the RSA-OAEP encryption for the next session
 * is computed while the TPM works on something else, so that no client waits for it.
 *
 * ESAPI asks for random bytes and then for their encryption. If a salt is prepared, it is
 * the answer to both. It is given out at most once. Random bytes that ESAPI used for
 * something else are never encrypted as a salt later.
 */
#ifndef CRYPTO_SALT_H
#define CRYPTO_SALT_H

#include <tss2/tss2_esys.h>

/* Prepares a salt for an RSA EK of 2048 bits, unless one is prepared. If it fails, a salt
 * is made when it is needed. */
void salt_prepare(TPM2B_PUBLIC *ek);

/* Wipes the prepared salt. */
void salt_wipe(void);

/* ESAPI's callbacks; without a prepared salt they do what those in cipher.h do. */
TSS2_RC salt_random(TPM2B_NONCE *nonce, size_t n, void *userdata);
TSS2_RC salt_encrypt(TPM2B_PUBLIC *key, size_t in_len, BYTE *in, size_t cap, BYTE *out,
		     size_t *out_len, const char *label, void *userdata);

#endif
