#include <stddef.h>

#include <tss2/tss2_tpm2_types.h>

#include "err.h"
#include "tpm/response_code.h"
#include "wire/tpm_response.h"

static const struct {
	TSS2_RC rc;
	enum err err;
} errors[] = {
	{TPM2_RC_INITIALIZE, ERR_TPM_NOT_STARTED},
	{TPM2_RC_HIERARCHY, ERR_TPM_HIERARCHY},
	{TPM2_RC_BAD_AUTH, ERR_TPM_AUTH},
	{TPM2_RC_AUTH_FAIL, ERR_TPM_AUTH},
	{TPM2_RC_AUTH_UNAVAILABLE, ERR_TPM_AUTH},
	{TPM2_RC_LOCKOUT, ERR_TPM_LOCKOUT},
	{TPM2_RC_MEMORY, ERR_TPM_FULL},
	{TPM2_RC_OBJECT_MEMORY, ERR_TPM_FULL},
	{TPM2_RC_SESSION_MEMORY, ERR_TPM_FULL},
	{TPM2_RC_OBJECT_HANDLES, ERR_TPM_FULL},
	{TPM2_RC_SESSION_HANDLES, ERR_TPM_FULL},
	{TPM2_RC_CONTEXT_GAP, ERR_TPM_GAP},
	{TPM2_RC_FAILURE, ERR_TPM_FAILURE},
	{TPM2_RC_REBOOT, ERR_TPM_FAILURE},
	{TPM2_RC_UPGRADE, ERR_TPM_UPGRADE},
	{TPM2_RC_CANCELED, ERR_TPM_CANCELED},
};

bool rc_is_tpm(TSS2_RC rc)
{
	return rc != 0 && tpm_response_is_code(rc);
}

TSS2_RC rc_tpm(TSS2_RC rc)
{
	return rc & ~(TSS2_RC)TSS2_RC_LAYER_MASK;
}

TSS2_RC rc_base(TSS2_RC rc)
{
	rc = rc_tpm(rc);
	return (rc & TPM2_RC_FMT1) ? rc & ~(TSS2_RC)(TPM2_RC_N_MASK | TPM2_RC_P) : rc;
}

bool rc_is_retry(TSS2_RC rc)
{
	rc = rc_base(rc);
	return rc == TPM2_RC_RETRY || rc == TPM2_RC_YIELDED || rc == TPM2_RC_TESTING ||
	       rc == TPM2_RC_NV_RATE;
}

bool rc_is_no_handle(TSS2_RC rc)
{
	return rc_base(rc) == TPM2_RC_HANDLE;
}

bool rc_is_once_more(TSS2_RC rc)
{
	rc = rc_base(rc);
	return rc == TPM2_RC_CANCELED ||
	       (rc >= TPM2_RC_REFERENCE_H0 && rc <= TPM2_RC_REFERENCE_H6) ||
	       (rc >= TPM2_RC_REFERENCE_S0 && rc <= TPM2_RC_REFERENCE_S6);
}

bool rc_is_about_parameter(TSS2_RC rc)
{
	rc = rc_tpm(rc);
	return rc == TPM2_RC_NV_RANGE ||
	       (rc & (TPM2_RC_FMT1 | TPM2_RC_P)) == (TPM2_RC_FMT1 | TPM2_RC_P);
}

bool rc_is_auth(TSS2_RC rc)
{
	rc = rc_base(rc);
	return rc == TPM2_RC_BAD_AUTH || rc == TPM2_RC_AUTH_FAIL ||
	       rc == TPM2_RC_AUTH_UNAVAILABLE || rc == TPM2_RC_NV_AUTHORIZATION ||
	       rc == TPM2_RC_NV_LOCKED;
}

int rc_error(TSS2_RC rc)
{
	if (rc == RC_NOT_YET) {
		return -ERR_RANDOM;
	}
	rc = rc_base(rc);
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
		if (errors[i].rc == rc) {
			return -(int)errors[i].err;
		}
	}
	return -ERR_TPM_RC;
}
