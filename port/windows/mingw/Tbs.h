/*
 * The part of the TPM Base Services for TPM 2.0, which mingw-w64's tbs.h lacks;
 * from Microsoft's documentation of tbs.h. tpm2-tss includes it by this name, with
 * a capital letter, which makes no difference on Windows.
 */
#ifndef ATTESTD_TBS_H
#define ATTESTD_TBS_H

#include <windows.h>
#include_next <tbs.h>

#ifndef TBS_CONTEXT_VERSION_TWO

#define TBS_CONTEXT_VERSION_ONE 1
#define TBS_CONTEXT_VERSION_TWO 2

/* For Tbsi_Context_Create with version two; a cast is needed. */
typedef struct tdTBS_CONTEXT_PARAMS2 {
	UINT32 version;
	union {
		struct {
			UINT32 requestRaw : 1;
			UINT32 includeTpm12 : 1;
			UINT32 includeTpm20 : 1;
		};
		UINT32 asUINT32;
	};
} TBS_CONTEXT_PARAMS2, *PTBS_CONTEXT_PARAMS2;
typedef const TBS_CONTEXT_PARAMS *PCTBS_CONTEXT_PARAMS;

#define TPM_VERSION_UNKNOWN 0
#define TPM_VERSION_12 1
#define TPM_VERSION_20 2

typedef struct _TPM_DEVICE_INFO {
	UINT32 structVersion; /* of this structure: 1 */
	UINT32 tpmVersion; /* TPM_VERSION_... */
	UINT32 tpmInterfaceType;
	UINT32 tpmImpRevision;
} TPM_DEVICE_INFO, *PTPM_DEVICE_INFO;

TBS_RESULT WINAPI Tbsi_GetDeviceInfo(UINT32 Size, PVOID Info);

typedef UINT32 TBS_OWNERAUTH_TYPE;
#define TBS_OWNERAUTH_TYPE_ENDORSEMENT_20 12 /* of a TPM 2.0 */

/* *pOutputBufLen: the size of pOutputBuf, and afterwards how much of it was used. */
TBS_RESULT WINAPI Tbsi_Get_OwnerAuth(TBS_HCONTEXT hContext, TBS_OWNERAUTH_TYPE ownerauthType,
				     PBYTE pOutputBuf, UINT32 *pOutputBufLen);

#endif
#endif
