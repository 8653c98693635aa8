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

/* `r =` stands before both. */
#ifdef ESAPI_COMMAND
#define iesys_gen_auths(esys, h1, h2, h3, auths) \
	esapi_send(esys, h1, h2, h3);            \
	return r
#define Tss2_Sys_ExecuteFinish(sys, timeout) \
	esapi_receive(esysContext);          \
	if (r != TSS2_RC_SUCCESS)            \
	goto error_cleanup
#endif

#endif
