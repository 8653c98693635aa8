/*
 * TPM2_EvictControl, authorised by the owner. Esys_EvictControl would also create or delete
 * ESAPI's object for the persistent handle, which attestd does not need, and which costs
 * another TPM command.
 */
#ifndef TPM_EVICT_CONTROL_H
#define TPM_EVICT_CONTROL_H

#include <tss2/tss2_esys.h>

/*
 * Makes a transient object persistent at `handle`, or evicts the persistent object that is
 * there. `session` authorises the owner. Both return what Esys_EvictControl_Async and
 * _Finish return.
 */
TSS2_RC evict_control_send(ESYS_CONTEXT *esys, ESYS_TR object, ESYS_TR session, TPM2_HANDLE handle);
TSS2_RC evict_control_receive(ESYS_CONTEXT *esys);

#endif
