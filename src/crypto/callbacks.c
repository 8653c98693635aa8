#include "crypto/callbacks.h"
#include "crypto/cipher.h"
#include "crypto/digest.h"
#include "crypto/salt.h"

/* For salts to ECC keys, which are not needed: attestd's EK is an RSA key. */
static TSS2_RC refuse_ecdh(TPM2B_PUBLIC *key, size_t cap, TPM2B_ECC_PARAMETER *z, TPMS_ECC_POINT *q,
			   BYTE *out, size_t *out_len, void *userdata)
{
	(void)key;
	(void)cap;
	(void)z;
	(void)q;
	(void)out;
	(void)out_len;
	(void)userdata;
	return TSS2_ESYS_RC_NOT_IMPLEMENTED;
}

TSS2_RC crypto_callbacks_set(ESYS_CONTEXT *esys)
{
	/* ESAPI copies the table. It requires all members but `init` and those for SM4. */
	ESYS_CRYPTO_CALLBACKS callbacks = {
		.rsa_pk_encrypt = salt_encrypt,
		.hash_start = digest_hash_start,
		.hash_update = digest_hash_update,
		.hash_finish = digest_hash_finish,
		.hash_abort = digest_abort,
		.hmac_start = digest_hmac_start,
		.hmac_update = digest_hmac_update,
		.hmac_finish = digest_hmac_finish,
		.hmac_abort = digest_abort,
		.get_random2b = salt_random,
		.get_ecdh_point = refuse_ecdh,
		.aes_encrypt = cipher_aes_encrypt,
		.aes_decrypt = cipher_aes_decrypt,
	};

	return Esys_SetCryptoCallbacks(esys, &callbacks);
}
