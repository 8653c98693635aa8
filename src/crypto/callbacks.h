/*
 * The cryptography that ESAPI asks for, by BearSSL.
 *
 * What is here is what attestd's commands need: SHA-1 and SHA-2 (names of
 * objects and NV indices, parameter hashes), HMAC, AES-CFB (encrypted
 * responses), RSA-OAEP (salts) and random numbers. ESAPI's other wishes (ECDH
 * salts, SM4) are refused with TSS2_ESYS_RC_NOT_IMPLEMENTED.
 */
#ifndef CRYPTO_CALLBACKS_H
#define CRYPTO_CALLBACKS_H

#include <tss2/tss2_esys.h>

/* Sets the callbacks of an ESAPI context. They have no state that outlives a command. */
TSS2_RC crypto_callbacks_set(ESYS_CONTEXT *esys);

#endif
