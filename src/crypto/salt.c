#include <string.h>

#include "base/wipe.h"
#include "crypto/cipher.h"
#include "crypto/salt.h"

/* The size of a digest of the EK's name algorithm, SHA-256. */
#define SALT_LEN 32
/* The OAEP label of a salt (TPM 2.0 Library part 1, annex B). */
#define SALT_LABEL "SECRET"

static struct {
	enum { NONE, READY, GIVEN } state;
	TPM2B_NONCE salt;
	TPM2B_PUBLIC_KEY_RSA modulus; /* of the key that the salt is encrypted for */
	uint8_t encrypted[256];
} prepared;

void salt_prepare(TPM2B_PUBLIC *ek)
{
	size_t len;

	if (prepared.state == READY) {
		return;
	}
	prepared.state = NONE;
	if (cipher_random(&prepared.salt, SALT_LEN, NULL) == TSS2_RC_SUCCESS &&
	    cipher_rsa_oaep(ek, SALT_LEN, prepared.salt.buffer, sizeof prepared.encrypted,
			    prepared.encrypted, &len, SALT_LABEL, NULL) == TSS2_RC_SUCCESS &&
	    len == sizeof prepared.encrypted) {
		prepared.modulus = ek->publicArea.unique.rsa;
		prepared.state = READY;
	}
}

void salt_wipe(void)
{
	wipe(&prepared, sizeof prepared);
}

TSS2_RC salt_random(TPM2B_NONCE *nonce, size_t n, void *userdata)
{
	if (n != SALT_LEN || prepared.state != READY) {
		return cipher_random(nonce, n, userdata);
	}
	/* Not the whole structure: ESAPI's buffer is smaller. */
	nonce->size = SALT_LEN;
	memcpy(nonce->buffer, prepared.salt.buffer, SALT_LEN);
	prepared.state = GIVEN;
	return TSS2_RC_SUCCESS;
}

static bool is_prepared(const TPM2B_PUBLIC *key, const BYTE *in, size_t n, const char *label)
{
	const TPM2B_PUBLIC_KEY_RSA *modulus = &key->publicArea.unique.rsa;

	return prepared.state == GIVEN && n == SALT_LEN &&
	       equal_ct(in, prepared.salt.buffer, SALT_LEN) &&
	       modulus->size == prepared.modulus.size &&
	       memcmp(modulus->buffer, prepared.modulus.buffer, modulus->size) == 0 &&
	       key->publicArea.nameAlg == TPM2_ALG_SHA256 && strcmp(label, SALT_LABEL) == 0;
}

TSS2_RC salt_encrypt(TPM2B_PUBLIC *key, size_t in_len, BYTE *in, size_t cap, BYTE *out,
		     size_t *out_len, const char *label, void *userdata)
{
	bool found = is_prepared(key, in, in_len, label) && cap >= sizeof prepared.encrypted;

	if (found) {
		memcpy(out, prepared.encrypted, sizeof prepared.encrypted);
		*out_len = sizeof prepared.encrypted;
	}
	salt_wipe();
	return found ? TSS2_RC_SUCCESS
		     : cipher_rsa_oaep(key, in_len, in, cap, out, out_len, label, userdata);
}
