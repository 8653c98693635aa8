#include <string.h>

#include "bounds.h"
#include "err.h"
#include "tpm/nv_read.h"
#include "tpm/response_code.h"

/* TCG EK Credential Profile, 2.2.1.4: the indices of an RSA 2048 EK. */
static const TPM2_HANDLE handles[NV_INDICES] = {
	[NV_EK_CERT] = 0x01c00002U,
	[NV_EK_NONCE] = 0x01c00003U,
	[NV_EK_TEMPLATE] = 0x01c00004U,
	[NV_EK_CHAIN] = NV_CHAIN_FIRST,
};

void nv_begin(struct tpm *t)
{
	t->nv.object = ESYS_TR_NONE;
	t->nv.rc = TSS2_RC_SUCCESS;
	t->nv.size = 0;
	t->nv.len = 0;
	t->nv.dest = t->nv.data;
	t->nv.cap = sizeof t->nv.data;
	t->nv.truncated = false;
}

void nv_close(struct tpm *t)
{
	if (t->nv.object != ESYS_TR_NONE) {
		Esys_TR_Close(t->esys, &t->nv.object);
	}
}

/* Keeps the TPM's error for nv_outcome. The job engine gets what is not about the index:
 * the library's errors, and those that a repetition may mend. */
static TSS2_RC keep_tpm_error(struct tpm *t, TSS2_RC rc)
{
	if (!rc_is_tpm(rc) || rc_is_retry(rc) || rc_is_once_more(rc)) {
		return rc;
	}
	t->nv.rc = rc;
	return TSS2_RC_SUCCESS;
}

TSS2_RC nv_open_start(struct tpm *t)
{
	nv_begin(t);
	if (t->nv.unreadable & 1U << t->target) {
		t->nv.rc = TPM2_RC_HANDLE;
		return STEP_SKIP;
	}
	return Esys_TR_FromTPMPublic_Async(
		t->esys, handles[t->target] + (t->target == NV_EK_CHAIN ? t->chain.index : 0),
		ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE);
}

TSS2_RC nv_open_finish(struct tpm *t)
{
	ESYS_TR found = ESYS_TR_NONE;
	TSS2_RC rc = Esys_TR_FromTPMPublic_Finish(t->esys, &found);

	if (rc == TSS2_RC_SUCCESS) {
		t->nv.object = found;
	} else if (rc == TSS2_ESYS_RC_NOT_IMPLEMENTED || rc == TSS2_ESYS_RC_BAD_VALUE) {
		t->nv.unreadable |= 1U << t->target; /* ESAPI does not know its name algorithm */
	}
	return keep_tpm_error(t, rc);
}

TSS2_RC nv_public_start(struct tpm *t)
{
	if (t->nv.object == ESYS_TR_NONE) {
		return STEP_SKIP;
	}
	return Esys_NV_ReadPublic_Async(t->esys, t->nv.object, ESYS_TR_NONE, ESYS_TR_NONE,
					ESYS_TR_NONE);
}

TSS2_RC nv_public_finish(struct tpm *t)
{
	TPM2B_NV_PUBLIC *public = NULL;
	TSS2_RC rc = Esys_NV_ReadPublic_Finish(t->esys, &public, NULL);

	if (rc == TSS2_RC_SUCCESS) {
		t->nv.attributes = public->nvPublic.attributes;
		t->nv.size = public->nvPublic.dataSize;
		if (t->nv.size > t->nv.cap) {
			t->nv.size = t->nv.cap;
			t->nv.truncated = true;
		}
		t->nv.chunk = t->nv_chunk;
		t->nv.as_owner = !(t->nv.attributes & TPMA_NV_AUTHREAD);
	}
	Esys_Free(public);
	return keep_tpm_error(t, rc);
}

TSS2_RC nv_read_start(struct tpm *t)
{
	uint16_t n = (uint16_t)(t->nv.size - t->nv.len);

	if (t->nv.object == ESYS_TR_NONE || t->nv.rc != TSS2_RC_SUCCESS || n == 0) {
		return STEP_SKIP;
	}
	return Esys_NV_Read_Async(t->esys, t->nv.as_owner ? ESYS_TR_RH_OWNER : t->nv.object,
				  t->nv.object, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
				  n < t->nv.chunk ? n : t->nv.chunk, t->nv.len);
}

/*
 * Can it be read in another way? Where its own authorisation is refused (also because of
 * lockout), the owner's may be allowed: each is tried once, because the TPM counts failed
 * authorisations. And the TPM may return fewer bytes at once than it has claimed.
 */
static bool other_way(struct tpm *t, TSS2_RC rc)
{
	if (!rc_is_tpm(rc) || rc_is_retry(rc)) {
		return false;
	}
	if (rc_is_auth(rc) || rc_error(rc) == -ERR_TPM_LOCKOUT) {
		bool is_left = !t->nv.as_owner && (t->nv.attributes & TPMA_NV_OWNERREAD);

		t->nv.as_owner = t->nv.as_owner || is_left;
		return is_left;
	}
	if (rc_is_about_parameter(rc) && t->nv.chunk > NV_CHUNK_MIN) {
		t->nv.chunk = NV_CHUNK_MIN;
		return true;
	}
	return false;
}

TSS2_RC nv_read_finish(struct tpm *t)
{
	TPM2B_MAX_NV_BUFFER *data = NULL;
	TSS2_RC rc = Esys_NV_Read_Finish(t->esys, &data);

	if (other_way(t, rc)) {
		return STEP_AGAIN;
	}
	if (rc != TSS2_RC_SUCCESS) {
		return keep_tpm_error(t, rc);
	}
	if (data->size == 0 || data->size > t->nv.size - t->nv.len) {
		rc = TSS2_ESYS_RC_MALFORMED_RESPONSE;
	} else {
		memcpy(t->nv.dest + t->nv.len, data->buffer, data->size);
		t->nv.len = (uint16_t)(t->nv.len + data->size);
		rc = t->nv.len < t->nv.size ? STEP_AGAIN : TSS2_RC_SUCCESS;
	}
	Esys_Free(data);
	return rc;
}

int nv_outcome(const struct tpm *t)
{
	TSS2_RC rc = t->nv.rc;

	if (rc == TSS2_RC_SUCCESS) {
		return t->nv.len == 0 ? -ERR_CERT_ABSENT : 0;
	}
	if (rc_is_no_handle(rc) || rc_base(rc) == TPM2_RC_NV_UNINITIALIZED) {
		return -ERR_CERT_ABSENT;
	}
	return rc_is_auth(rc) ? -ERR_CERT_ACCESS : rc_error(rc);
}
