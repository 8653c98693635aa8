/*
 * Code that all of ESAPI's commands share, to make the program smaller. In tpm2-tss the
 * source of each command has its own copy: compute the authorisations, send the command,
 * receive the response, handle errors. toolchains/deps.mk includes this header before the
 * sources of the commands that attestd uses, so that they call the functions below; the
 * compiler then drops their own copies as unreachable.
 */
#ifndef TPM_ESAPI_H
#define TPM_ESAPI_H

#include <tss2/tss2_sys.h>

#include "esys_iutil.h"

/*
 * The last part of Esys_X_Async. h1 to h3 are the objects of the command's handles, or
 * NULL. The command and the sessions MUST have been prepared.
 */
TSS2_RC esapi_send(ESYS_CONTEXT *esys, RSRC_NODE_T *h1, RSRC_NODE_T *h2, RSRC_NODE_T *h3);

/*
 * The first part of Esys_X_Finish. Returns 0 if the response can be read, or else the code
 * that Esys_X_Finish is to return: TSS2_ESYS_RC_TRY_AGAIN also if ESAPI has sent the command
 * again, because the TPM had asked for that.
 */
TSS2_RC esapi_receive(ESYS_CONTEXT *esys);

/*
 * Stores a saved context, and reads it back. The members are copied as they are, because no
 * other process reads them; ESAPI would marshal each. `buffer` is a TPM2B_CONTEXT_DATA's,
 * from its beginning, `size` bytes long; *used becomes the bytes written. unpack MUST be given
 * what pack has written. TSS2_ESYS_RC_INSUFFICIENT_CONTEXT if it does not fit.
 */
TSS2_RC esapi_context_pack(const IESYS_CONTEXT_DATA *data, uint8_t *buffer, size_t size,
			   size_t *used);
TSS2_RC esapi_context_unpack(const uint8_t *buffer, IESYS_CONTEXT_DATA *data);

/* The sources have `r = ` before the last two. ESAPI_COMMAND (deps.mk) is the statement that
 * ends an Esys_X_Finish that has failed. */
#ifdef ESAPI_COMMAND
#define iesys_MU_IESYS_CONTEXT_DATA_Marshal esapi_context_pack
#define iesys_MU_IESYS_CONTEXT_DATA_Unmarshal(buffer, size, used, data) \
	esapi_context_unpack(buffer, data)
#define iesys_gen_auths(esys, h1, h2, h3, auths) \
	esapi_send(esys, h1, h2, h3);            \
	return r
#define Tss2_Sys_ExecuteFinish(sys, timeout) \
	esapi_receive(esysContext);          \
	if (r != TSS2_RC_SUCCESS)            \
	ESAPI_COMMAND
#endif

/*
 * Switches off what attestd does not use of ESAPI's core (esys_iutil.c), so that the compiler
 * drops it. attestd's sessions encrypt the first parameter of a response (AES in CFB mode),
 * never a command's; they are salted to an RSA key; and of the permanent handles only the
 * owner and the endorsement hierarchy are used.
 */
#ifdef ESAPI_CORE
#undef TPMA_SESSION_DECRYPT
#define TPMA_SESSION_DECRYPT 0U
#define Tss2_Sys_GetDecryptParam(...) TSS2_SYS_RC_NO_DECRYPT_PARAM
#define iesys_xor_parameter_obfuscation(...) TSS2_ESYS_RC_NOT_IMPLEMENTED
#define iesys_crypto_sm4_encrypt(...) TSS2_ESYS_RC_NOT_IMPLEMENTED
#define iesys_crypto_sm4_decrypt(...) TSS2_ESYS_RC_NOT_IMPLEMENTED
#define iesys_crypto_get_ecdh_point(...) TSS2_ESYS_RC_NOT_IMPLEMENTED
#define iesys_crypto_KDFe(...) TSS2_ESYS_RC_NOT_IMPLEMENTED
#undef ESYS_TR_RH_NULL
#undef ESYS_TR_RH_LOCKOUT
#undef ESYS_TR_RH_PLATFORM
#undef ESYS_TR_RH_PLATFORM_NV
#undef ESYS_TR_RH_FW_OWNER
#undef ESYS_TR_RH_FW_ENDORSEMENT
#undef ESYS_TR_RH_FW_PLATFORM
#undef ESYS_TR_RH_FW_NULL
#undef ESYS_TR_RH_SVN_OWNER_BASE
#undef ESYS_TR_RH_SVN_ENDORSEMENT_BASE
#undef ESYS_TR_RH_SVN_PLATFORM_BASE
#undef ESYS_TR_RH_SVN_NULL_BASE
#undef ESYS_TR_RH_ACT_FIRST
#undef ESYS_TR_RH_ACT_LAST
#undef ESYS_TR_RH_AC_FIRST
#undef ESYS_TR_RH_AC_LAST
#define ESYS_TR_RH_NULL ESYS_TR_NONE
#define ESYS_TR_RH_LOCKOUT ESYS_TR_NONE
#define ESYS_TR_RH_PLATFORM ESYS_TR_NONE
#define ESYS_TR_RH_PLATFORM_NV ESYS_TR_NONE
#define ESYS_TR_RH_FW_OWNER ESYS_TR_NONE
#define ESYS_TR_RH_FW_ENDORSEMENT ESYS_TR_NONE
#define ESYS_TR_RH_FW_PLATFORM ESYS_TR_NONE
#define ESYS_TR_RH_FW_NULL ESYS_TR_NONE
#define ESYS_TR_RH_SVN_OWNER_BASE ESYS_TR_NONE
#define ESYS_TR_RH_SVN_ENDORSEMENT_BASE ESYS_TR_NONE
#define ESYS_TR_RH_SVN_PLATFORM_BASE ESYS_TR_NONE
#define ESYS_TR_RH_SVN_NULL_BASE ESYS_TR_NONE
#define ESYS_TR_RH_ACT_FIRST ESYS_TR_NONE
#define ESYS_TR_RH_ACT_LAST ESYS_TR_NONE
#define ESYS_TR_RH_AC_FIRST ESYS_TR_NONE
#define ESYS_TR_RH_AC_LAST ESYS_TR_NONE
#endif

/* Esys_TR_FromTPMPublic (esys_tr.c) is never called with a session. */
#ifdef ESAPI_OBJECTS
#define init_session_tab(...) TSS2_ESYS_RC_NOT_IMPLEMENTED
#endif

#endif
