/*
 * What a response code means (TPM 2.0 Library part 2, 6.6).
 */
#ifndef TPM_RESPONSE_CODE_H
#define TPM_RESPONSE_CODE_H

#include <stdbool.h>

#include <tss2/tss2_common.h>

/* Not a code of the TPM's: a command could not be sent yet (STEP_LATER, job.h). */
#define RC_NOT_YET 0xfffffff2U

/* Is this an error code of the TPM, or of the kernel's resource manager in its place?
 * Otherwise it is 0, or a code of tpm2-tss. */
bool rc_is_tpm(TSS2_RC rc);

/* Such a code without the resource manager's layer. */
TSS2_RC rc_tpm(TSS2_RC rc);

/*
 * rc_tpm of the code; of a format-one code (TPM2_RC_FMT1) also without TPM2_RC_P and the
 * number of the handle, session or parameter.
 */
TSS2_RC rc_base(TSS2_RC rc);

/* "Not now": RETRY, YIELDED, TESTING, NV_RATE. The command may be repeated. */
bool rc_is_retry(TSS2_RC rc);

/* "There is no such handle": TPM_RC_HANDLE, of a transient, persistent or NV object. */
bool rc_is_no_handle(TSS2_RC rc);

/*
 * TPM_RC_REFERENCE_*: a loaded object or session is gone, because of a resource manager or
 * a sleep; or TPM_RC_CANCELED. The job may succeed if it is repeated from the beginning.
 */
bool rc_is_once_more(TSS2_RC rc);

/* A parameter was refused: a format-one code with TPM2_RC_P, or TPM_RC_NV_RANGE. */
bool rc_is_about_parameter(TSS2_RC rc);

/* An authorisation was refused. MUST NOT be repeated, because it leads to lockout. */
bool rc_is_auth(TSS2_RC rc);

/* The negative enum err for a code that is not 0; -ERR_TPM_RC if there is no better one. */
int rc_error(TSS2_RC rc);

#endif
