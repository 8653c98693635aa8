#include <string.h>

#include "bounds.h"
#include "err.h"
#include "tpm/ek.h"
#include "tpm/key.h"
#include "tpm/nv.h"
#include "tpm/rc.h"
#include "wire/cert_key.h"
#include "wire/ek_cert.h"

/* TCG EK Credential Profile, 2.2.1.4: RSA 2048 EK certificate. */
#define EK_CERT_INDEX 0x01c00002U

/* What every TPM can read at once, should it not tell: the smallest
 * MAX_NV_BUFFER_SIZE of the PC Client profile. */
#define NV_CHUNK_MIN 64

static void begin(struct tpm *t)
{
	t->nv.index = ESYS_TR_NONE;
	t->nv.size = 0;
	t->nv.at = 0;
}

static TSS2_RC open_start(struct tpm *t)
{
	if (t->nv.skip) {
		return STEP_SKIP;
	}
	return Esys_TR_FromTPMPublic_Async(t->esys, EK_CERT_INDEX, ESYS_TR_NONE, ESYS_TR_NONE,
					   ESYS_TR_NONE);
}

static TSS2_RC open_finish(struct tpm *t)
{
	ESYS_TR found = ESYS_TR_NONE;
	TSS2_RC rc = Esys_TR_FromTPMPublic_Finish(t->esys, &found);

	if (rc == TSS2_RC_SUCCESS) {
		t->nv.index = found;
	} else if (rc_is_tpm(rc) && rc_is_no_handle(rc)) {
		rc = TSS2_RC_SUCCESS;
	} else if (rc == TSS2_ESYS_RC_NOT_IMPLEMENTED || rc == TSS2_ESYS_RC_BAD_VALUE) {
		t->nv.skip = true; /* as for the EK: a name ESAPI cannot compute */
	}
	return rc;
}

static TSS2_RC public_start(struct tpm *t)
{
	if (t->nv.index == ESYS_TR_NONE) {
		return STEP_SKIP;
	}
	return Esys_NV_ReadPublic_Async(t->esys, t->nv.index, ESYS_TR_NONE, ESYS_TR_NONE,
					ESYS_TR_NONE);
}

static TSS2_RC public_finish(struct tpm *t)
{
	TPM2B_NV_PUBLIC *public = NULL;
	TSS2_RC rc = Esys_NV_ReadPublic_Finish(t->esys, &public, NULL);

	if (rc == TSS2_RC_SUCCESS) {
		t->nv.attributes = public->nvPublic.attributes;
		t->nv.size = public->nvPublic.dataSize;
		if (t->nv.size > EK_CERT_MAX) {
			t->nv.size = EK_CERT_MAX; /* a longer one is padding */
		}
		t->nv.as_owner = !(t->nv.attributes & TPMA_NV_AUTHREAD);
	}
	Esys_Free(public);
	return rc;
}

static TSS2_RC chunk_start(struct tpm *t)
{
	if (t->nv.index == ESYS_TR_NONE) {
		return STEP_SKIP;
	}
	return Esys_GetCapability_Async(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
					TPM2_CAP_TPM_PROPERTIES, TPM2_PT_NV_BUFFER_MAX, 1);
}

static TSS2_RC chunk_finish(struct tpm *t)
{
	TPMS_CAPABILITY_DATA *data = NULL;
	TPMI_YES_NO more;
	TSS2_RC rc = Esys_GetCapability_Finish(t->esys, &more, &data);

	if (rc != TSS2_RC_SUCCESS) {
		return rc;
	}
	t->nv.chunk = NV_CHUNK_MIN;
	if (data->capability == TPM2_CAP_TPM_PROPERTIES && data->data.tpmProperties.count == 1 &&
	    data->data.tpmProperties.tpmProperty[0].property == TPM2_PT_NV_BUFFER_MAX) {
		uint32_t max = data->data.tpmProperties.tpmProperty[0].value;

		/* ESAPI's own limit is the size of its buffer type. */
		t->nv.chunk = max < NV_CHUNK_MIN              ? NV_CHUNK_MIN
			      : max > TPM2_MAX_NV_BUFFER_SIZE ? TPM2_MAX_NV_BUFFER_SIZE
							      : (uint16_t)max;
	}
	Esys_Free(data);
	return rc;
}

static TSS2_RC read_start(struct tpm *t)
{
	uint16_t n = (uint16_t)(t->nv.size - t->nv.at);

	if (t->nv.index == ESYS_TR_NONE || n == 0) {
		return STEP_SKIP;
	}
	return Esys_NV_Read_Async(t->esys, t->nv.as_owner ? ESYS_TR_RH_OWNER : t->nv.index,
				  t->nv.index, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
				  n < t->nv.chunk ? n : t->nv.chunk, t->nv.at);
}

/* The index may refuse its own authorisation and allow the owner's. Each is
 * tried once: the TPM counts refusals. */
static bool owner_is_left(struct tpm *t, TSS2_RC rc)
{
	return rc_is_tpm(rc) && rc_is_auth(rc) && !t->nv.as_owner &&
	       (t->nv.attributes & TPMA_NV_OWNERREAD);
}

static TSS2_RC read_finish(struct tpm *t)
{
	TPM2B_MAX_NV_BUFFER *data = NULL;
	TSS2_RC rc = Esys_NV_Read_Finish(t->esys, &data);

	if (owner_is_left(t, rc)) {
		t->nv.as_owner = true;
		return STEP_AGAIN;
	}
	if (rc != TSS2_RC_SUCCESS) {
		return rc;
	}
	if (data->size == 0 || data->size > t->nv.size - t->nv.at) {
		rc = TSS2_ESYS_RC_MALFORMED_RESPONSE;
	} else {
		memcpy(t->id.ek_cert + t->nv.at, data->buffer, data->size);
		t->nv.at = (uint16_t)(t->nv.at + data->size);
		rc = t->nv.at < t->nv.size ? STEP_AGAIN : TSS2_RC_SUCCESS;
	}
	Esys_Free(data);
	return rc;
}

static int check_key(const struct tpm *t, const uint8_t *cert, size_t n)
{
	return cert_key_is_rsa(cert, n, ek_modulus(t), EK_KEY_LEN, KEY_RSA_EXPONENT);
}

/* Turns what the index held into the certificate, in place. */
static int normalise(struct tpm *t)
{
	const uint8_t *cert;
	size_t n;
	int r = ek_cert_find(t->id.ek_cert, t->nv.at, &cert, &n);

	if (r == 0) {
		r = check_key(t, cert, n);
	}
	if (r == 0) {
		memmove(t->id.ek_cert, cert, n);
		t->id.ek_cert_len = n;
	}
	return r;
}

static int conclude(struct tpm *t, TSS2_RC rc, bool *stale)
{
	int r;

	(void)stale;
	if (t->nv.index != ESYS_TR_NONE) {
		Esys_TR_Close(t->esys, &t->nv.index);
	}
	t->id.ek_cert_len = 0;
	if (rc == TSS2_RC_SUCCESS) {
		r = normalise(t);
	} else if (rc_base(rc) == TPM2_RC_NV_UNINITIALIZED) {
		r = -ERR_CERT_ABSENT;
	} else if (rc_is_auth(rc) || (rc_tpm(rc) & TPM2_RC_FMT1)) {
		r = -ERR_CERT_ACCESS; /* it is about this index, and will stay so */
	} else {
		return rc_error(rc);
	}
	if (r != 0) {
		t->log(r != -ERR_CERT_ABSENT, "no EK certificate", r, rc);
	}
	t->facts |= FACT_CERT;
	return 0;
}

static const struct step steps[] = {
	{open_start, open_finish, TPM_COMMAND_MS, 0},
	{public_start, public_finish, TPM_COMMAND_MS, 0},
	{chunk_start, chunk_finish, TPM_COMMAND_MS, 0},
	{read_start, read_finish, TPM_COMMAND_MS, 0},
};

const struct operation nv_operation = {begin, steps, sizeof steps / sizeof *steps, conclude};
