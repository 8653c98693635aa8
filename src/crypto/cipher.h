/*
 * ESAPI's callbacks for ciphers and random numbers; tss2_esys.h says what each must do.
 */
#ifndef CRYPTO_CIPHER_H
#define CRYPTO_CIPHER_H

#include <tss2/tss2_esys.h>

/* AES-CFB with full-block feedback, in place. The IV has 16 bytes. */
TSS2_RC cipher_aes_encrypt(uint8_t *key, TPM2_ALG_ID alg, TPMI_AES_KEY_BITS bits, TPM2_ALG_ID mode,
			   uint8_t *p, size_t n, uint8_t *iv, void *userdata);
TSS2_RC cipher_aes_decrypt(uint8_t *key, TPM2_ALG_ID alg, TPMI_AES_KEY_BITS bits, TPM2_ALG_ID mode,
			   uint8_t *p, size_t n, uint8_t *iv, void *userdata);

/*
 * RSA-OAEP for salts (TPM 2.0 Library part 1, annex B). The hash is the key's nameAlg;
 * the NUL is part of the label.
 */
TSS2_RC cipher_rsa_oaep(TPM2B_PUBLIC *key, size_t in_len, BYTE *in, size_t cap, BYTE *out,
			size_t *out_len, const char *label, void *userdata);

/* n random bytes from the system. */
TSS2_RC cipher_random(TPM2B_NONCE *nonce, size_t n, void *userdata);

#endif
