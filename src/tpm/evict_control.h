/*
 * TPM2_EvictControl by the owner, as ESAPI's own functions do it, but for what
 * nobody here asks for: an object of ESAPI's for what it made persistent, and none
 * for what it evicted.
 */
#ifndef TPM_EVICT_CONTROL_H
#define TPM_EVICT_CONTROL_H

#include <tss2/tss2_esys.h>

/*
 * A transient object is made persistent at that handle, a persistent one is
 * evicted from there. `session` is as in Esys_EvictControl_Async, and so are the
 * codes that come back.
 */
TSS2_RC evict_control_send(ESYS_CONTEXT *esys, ESYS_TR object, ESYS_TR session, TPM2_HANDLE handle);
TSS2_RC evict_control_receive(ESYS_CONTEXT *esys);

#endif
