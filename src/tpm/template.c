#include <string.h>

#include <tss2/tss2_mu.h>

#include "bounds.h"
#include "tpm/template.h"

TPM2B_PUBLIC template_ek, template_aik_ecc, template_aik_rsa;

/* Each is a marshalled TPMT_PUBLIC without the zeros at its end, because a TPM2B_PUBLIC
 * would take 616 bytes of the program. */
static const uint8_t ek[] = {
	0, TPM2_ALG_RSA, 0, TPM2_ALG_SHA256,
	/* fixedTPM, fixedParent, sensitiveDataOrigin, adminWithPolicy, restricted, decrypt */
	0x00, 0x03, 0x00, 0xb2,
	/* Policy A: PolicySecret(TPM_RH_ENDORSEMENT). */
	0, TPM2_SHA256_DIGEST_SIZE, 0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90,
	0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2,
	0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
	/* AES-128-CFB; no scheme; 2048 bits, the default exponent; as many bits of unique */
	0, TPM2_ALG_AES, 0, 128, 0, TPM2_ALG_CFB, 0, TPM2_ALG_NULL, 2048 / 256, 0, 0, 0, 0, 0,
	2048 / 8 / 256, 0};

/* fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, restricted, sign; no policy */
#define AIK(type) 0, (type), 0, TPM2_ALG_SHA256, 0x00, 0x05, 0x00, 0x72, 0, 0, 0, TPM2_ALG_NULL
static const uint8_t aik_ecc[] = {AIK(TPM2_ALG_ECC), 0, TPM2_ALG_ECDSA, 0, TPM2_ALG_SHA256, 0,
				  TPM2_ECC_NIST_P256, 0, TPM2_ALG_NULL,
				  /* x and y */
				  0, 32, [22 + 32] = 0, 32};
static const uint8_t aik_rsa[] = {AIK(TPM2_ALG_RSA), 0, TPM2_ALG_RSASSA, 0, TPM2_ALG_SHA256,
				  /* as in the EK's */
				  2048 / 256, 0, 0, 0, 0, 0, 2048 / 8 / 256, 0};

static void make(TPM2B_PUBLIC *template, const uint8_t *p, size_t n)
{
	uint8_t whole[TPM_PUBLIC_MAX] = {0};
	size_t used = 0;
	TSS2_RC rc;

	memcpy(whole, p, n);
	rc = Tss2_MU_TPMT_PUBLIC_Unmarshal(whole, sizeof whole, &used, &template->publicArea);
	assert(rc == TSS2_RC_SUCCESS);
	(void)rc;
}

void templates_make(void)
{
	make(&template_ek, ek, sizeof ek);
	make(&template_aik_ecc, aik_ecc, sizeof aik_ecc);
	make(&template_aik_rsa, aik_rsa, sizeof aik_rsa);
}

bool template_matches(const TPM2B_PUBLIC *template, const TPMT_PUBLIC *area)
{
	uint8_t found[TPM_PUBLIC_MAX], wanted[TPM_PUBLIC_MAX];
	size_t found_len = 0, wanted_len = 0;
	TPMT_PUBLIC copy = *area;

	/* `unique` is the TPM's own. */
	copy.unique = template->publicArea.unique;
	return Tss2_MU_TPMT_PUBLIC_Marshal(&copy, found, sizeof found, &found_len) == 0 &&
	       Tss2_MU_TPMT_PUBLIC_Marshal(&template->publicArea, wanted, sizeof wanted,
					   &wanted_len) == 0 &&
	       found_len == wanted_len && memcmp(found, wanted, found_len) == 0 &&
	       (area->type != TPM2_ALG_RSA ||
		area->unique.rsa.size == area->parameters.rsaDetail.keyBits / 8);
}

/* Does it have all the properties of an EK that attestd needs? */
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
