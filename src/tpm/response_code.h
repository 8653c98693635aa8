/*
 * What a response code means to a client (TPM 2.0 Library part 2, 6.6).
 */
#ifndef TPM_RESPONSE_CODE_H
#define TPM_RESPONSE_CODE_H

#include <stdbool.h>

#include <tss2/tss2_common.h>

/* Not the TPM's word: what it takes to send a command is not there yet (job.h). */
#define RC_NOT_YET 0xfffffff2U

/* Did the TPM (or the kernel's resource manager in its place) say this? */
bool rc_is_tpm(TSS2_RC rc);

/* The TPM's own part of such a code: without the resource manager's layer. */
TSS2_RC rc_tpm(TSS2_RC rc);

/*
 * A format-one code without the number of the handle, session or parameter it
 * is about, and without the parameter bit; other codes as they are.
 */
TSS2_RC rc_base(TSS2_RC rc);

/* "Not now": RETRY, YIELDED, TESTING, NV_RATE. The command may be repeated. */
bool rc_is_retry(TSS2_RC rc);

/* "There is no such handle": of a transient, persistent or NV object. */
bool rc_is_no_handle(TSS2_RC rc);

/*
 * An object or session that was there is not any more (a resource manager's
 * doing, a sleep), or the command was cancelled: it may work once more, from the
 * beginning.
 */
bool rc_is_once_more(TSS2_RC rc);

/* A parameter is not to the TPM's liking (or a range of an NV index). */
bool rc_is_about_parameter(TSS2_RC rc);

/* An authorisation was refused. MUST never be repeated: lockout. */
bool rc_is_auth(TSS2_RC rc);

/* -ERR_TPM_... for a code of the TPM that is not 0. */
int rc_error(TSS2_RC rc);

#endif
