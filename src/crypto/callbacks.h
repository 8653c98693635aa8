/*
 * The cryptography that ESAPI needs, on top of BearSSL.
 *
 * It has what attestd's TPM commands use: SHA-1 and SHA-2 (names of objects and NV
 * indices, parameter hashes), HMAC, AES-CFB (encrypted responses), RSA-OAEP (salts) and
 * random numbers. The rest (ECDH salts, SM4) is refused with
 * TSS2_ESYS_RC_NOT_IMPLEMENTED.
 */
#ifndef CRYPTO_CALLBACKS_H
#define CRYPTO_CALLBACKS_H

#include <tss2/tss2_esys.h>

/* Sets the callbacks of an ESAPI context. None of their state outlives a TPM command, but a
 * prepared salt (crypto/salt.h). */
TSS2_RC crypto_callbacks_set(ESYS_CONTEXT *esys);

#endif
