#include <string.h>

#include <tss2/tss2_mu.h>

#include "bounds.h"
#include "tpm/template.h"

const TPM2B_PUBLIC template_ek = {
	.publicArea =
		{
			.type = TPM2_ALG_RSA,
			.nameAlg = TPM2_ALG_SHA256,
			.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
					    TPMA_OBJECT_SENSITIVEDATAORIGIN |
					    TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED |
					    TPMA_OBJECT_DECRYPT,
			/* Policy A: PolicySecret(TPM_RH_ENDORSEMENT). */
			.authPolicy = {.size = 32,
				       .buffer = {0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8,
						  0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24,
						  0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64,
						  0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa}},
			.parameters.rsaDetail = {.symmetric = {.algorithm = TPM2_ALG_AES,
							       .keyBits.aes = 128,
							       .mode.aes = TPM2_ALG_CFB},
						 .scheme.scheme = TPM2_ALG_NULL,
						 .keyBits = 2048,
						 .exponent = 0},
			.unique.rsa.size = 256,
		},
};

const TPM2B_PUBLIC template_aik_ecc = {
	.publicArea =
		{
			.type = TPM2_ALG_ECC,
			.nameAlg = TPM2_ALG_SHA256,
			.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
					    TPMA_OBJECT_SENSITIVEDATAORIGIN |
					    TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_RESTRICTED |
					    TPMA_OBJECT_SIGN_ENCRYPT,
			.parameters.eccDetail = {.symmetric.algorithm = TPM2_ALG_NULL,
						 .scheme = {.scheme = TPM2_ALG_ECDSA,
							    .details.ecdsa.hashAlg =
								    TPM2_ALG_SHA256},
						 .curveID = TPM2_ECC_NIST_P256,
						 .kdf.scheme = TPM2_ALG_NULL},
			.unique.ecc = {.x.size = 32, .y.size = 32},
		},
};

const TPM2B_PUBLIC template_aik_rsa = {
	.publicArea =
		{
			.type = TPM2_ALG_RSA,
			.nameAlg = TPM2_ALG_SHA256,
			.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
					    TPMA_OBJECT_SENSITIVEDATAORIGIN |
					    TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_RESTRICTED |
					    TPMA_OBJECT_SIGN_ENCRYPT,
			.parameters.rsaDetail = {.symmetric.algorithm = TPM2_ALG_NULL,
						 .scheme = {.scheme = TPM2_ALG_RSASSA,
							    .details.rsassa.hashAlg =
								    TPM2_ALG_SHA256},
						 .keyBits = 2048,
						 .exponent = 0},
			.unique.rsa.size = 256,
		},
};

bool template_matches(const TPM2B_PUBLIC *template, const TPMT_PUBLIC *area)
{
	uint8_t found[TPM_PUBLIC_MAX], wanted[TPM_PUBLIC_MAX];
	size_t found_len = 0, wanted_len = 0;
	TPMT_PUBLIC copy = *area;

	/* All but unique, which is what the TPM puts in. */
	copy.unique = template->publicArea.unique;
	return Tss2_MU_TPMT_PUBLIC_Marshal(&copy, found, sizeof found, &found_len) == 0 &&
	       Tss2_MU_TPMT_PUBLIC_Marshal(&template->publicArea, wanted, sizeof wanted,
					   &wanted_len) == 0 &&
	       found_len == wanted_len && memcmp(found, wanted, found_len) == 0 &&
	       (area->type != TPM2_ALG_RSA ||
		area->unique.rsa.size == area->parameters.rsaDetail.keyBits / 8);
}

/* Has it all that attestd counts on in an EK? */
static bool is_ek(const TPMT_PUBLIC *area)
{
	const TPMA_OBJECT needed = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
				   TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_ADMINWITHPOLICY |
				   TPMA_OBJECT_DECRYPT;
	const TPM2B_DIGEST *policy = &template_ek.publicArea.authPolicy;
	const TPMS_RSA_PARMS *rsa = &area->parameters.rsaDetail;

	return area->type == TPM2_ALG_RSA && area->nameAlg == TPM2_ALG_SHA256 &&
	       (area->objectAttributes & needed) == needed && rsa->keyBits == 2048 &&
	       (rsa->exponent == 0 || rsa->exponent == 65537) &&
	       area->authPolicy.size == policy->size &&
	       memcmp(area->authPolicy.buffer, policy->buffer, policy->size) == 0;
}

bool template_read(const uint8_t *p, size_t n, TPM2B_PUBLIC *template)
{
	size_t used = 0;

	memset(template, 0, sizeof *template);
	return Tss2_MU_TPMT_PUBLIC_Unmarshal(p, n, &used, &template->publicArea) == 0 &&
	       used == n && is_ek(&template->publicArea);
}

bool template_add_nonce(TPM2B_PUBLIC *template, const uint8_t *nonce, size_t n)
{
	TPM2B_PUBLIC_KEY_RSA *unique = &template->publicArea.unique.rsa;

	if (n > template_ek.publicArea.unique.rsa.size) {
		return false;
	}
	memset(unique, 0, sizeof *unique);
	unique->size = template_ek.publicArea.unique.rsa.size;
	memcpy(unique->buffer, nonce, n);
	return true;
}
