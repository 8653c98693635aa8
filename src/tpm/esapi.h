/*
 * What all of ESAPI's commands do in the same way, once. In tpm2-tss the source
 * of each command has it again: to compute the authorisations and send the command,
 * and to receive the response with all that may have gone wrong. toolchains/deps.mk
 * includes this header before the sources of the commands that attestd uses, and
 * what they have after the calls below is never reached: the compiler drops it.
 */
#ifndef TPM_ESAPI_H
#define TPM_ESAPI_H

#include <tss2/tss2_sys.h>

#include "esys_iutil.h"

/*
 * The end of Esys_X_Async: h1 to h3 are the objects in the command's handles, or
 * NULL. The command has been prepared, and so have the sessions.
 */
TSS2_RC esapi_send(ESYS_CONTEXT *esys, RSRC_NODE_T *h1, RSRC_NODE_T *h2, RSRC_NODE_T *h3);

/*
 * Esys_X_Finish up to where the response can be read: 0, or the code that it is to
 * return; TSS2_ESYS_RC_TRY_AGAIN if the command was sent once more, as ESAPI does.
 */
TSS2_RC esapi_receive(ESYS_CONTEXT *esys);

/*
 * How a saved context is kept: as it is, for nobody but the process that has saved it
 * reads it. ESAPI would marshal each member, as if it were to be sent elsewhere.
 * `buffer` is that of a TPM2B_CONTEXT_DATA, from its beginning; unpack MUST be given
 * what pack has written. An object whose context does not fit beside what ESAPI knows
 * of it is not saved: TSS2_ESYS_RC_INSUFFICIENT_CONTEXT.
 */
TSS2_RC esapi_context_pack(const IESYS_CONTEXT_DATA *data, uint8_t *buffer, size_t size,
			   size_t *used);
TSS2_RC esapi_context_unpack(const uint8_t *buffer, IESYS_CONTEXT_DATA *data);

/* `r =` stands before the last two. ESAPI_COMMAND is what ends a Finish that has failed. */
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
 * What ESAPI's core (esys_iutil.c) can and attestd does not ask for; the compiler drops
 * what these lead to. Its sessions encrypt the response's first parameter, by AES in
 * CFB mode, never the command's; they are salted to an RSA key. Of the handles that the
 * specification gives it names the owner's and the endorsement hierarchy.
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

/* Objects that are asked for in no session (esys_tr.c): that would be a second command. */
#ifdef ESAPI_OBJECTS
#define init_session_tab(...) TSS2_ESYS_RC_NOT_IMPLEMENTED
#endif

#endif
