/*
 * What the environment tells the tests' tbs.dll to do, and who its caller is.
 *
 * ATTESTD_TEST_TPM=PORT          where the TPM is; not set: there is none
 * ATTESTD_TEST_TBS=HEX           Tbsi_Context_Create fails with that
 * ATTESTD_TEST_TBS_SUBMIT=HEX    Tbsip_Submit_Command fails with that
 * ATTESTD_TEST_TBS_CANCEL=1      Tbsip_Cancel_Commands does nothing; 2: and never returns
 * ATTESTD_TEST_TBS_VERSION=1     the TPM is a TPM 1.2
 * ATTESTD_TEST_TBS_AUTH=FILE     endorsementAuth's bytes, read each time it is asked for;
 *                                no such file: there is none; not set: what tests' TPMs have
 * ATTESTD_TEST_TBS_AUTH_FAILS=HEX  Tbsi_Get_OwnerAuth fails with that
 */
#ifndef TBS_TOLD_H
#define TBS_TOLD_H

#include <windows.h>
#include <stdbool.h>

typedef UINT32 TBS_RESULT;

#define TBS_SUCCESS 0U
/* Not all of them are in every winerror.h. */
enum {
	INTERNAL_ERROR = 0x80284001,
	BAD_PARAMETER = 0x80284002,
	INVALID_OUTPUT_POINTER = 0x80284003,
	INVALID_CONTEXT = 0x80284004,
	INSUFFICIENT_BUFFER = 0x80284005,
	IOERROR = 0x80284006,
	INVALID_CONTEXT_PARAM = 0x80284007,
	TOO_MANY_TBS_CONTEXTS = 0x80284009,
	COMMAND_CANCELED = 0x8028400D,
	BUFFER_TOO_LARGE = 0x8028400E,
	TPM_NOT_FOUND = 0x8028400F,
	ACCESS_DENIED = 0x80284012,
	OWNERAUTH_NOT_FOUND = 0x80284015,
};

#define AUTH_MAX 64U

/* Returns a variable's number, or `otherwise` if it is not set. */
UINT32 setting(const char *name, unsigned base, UINT32 otherwise);

/* Returns whether the caller is an elevated administrator; LocalSystem is one, too. */
bool is_elevated(void);

/* Reads the present endorsementAuth, at most AUTH_MAX bytes. Returns false if there is none. */
bool read_auth(BYTE *p, DWORD *n);

#endif
