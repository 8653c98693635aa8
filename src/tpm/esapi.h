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

/* `r =` stands before the last two. */
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
	goto error_cleanup
#endif

#endif
