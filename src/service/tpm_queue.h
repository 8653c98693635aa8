/*
 * The clients that wait for the TPM: who is answered from memory, whose job is next,
 * and who is told that there is no use in waiting.
 */
#ifndef SERVICE_TPM_QUEUE_H
#define SERVICE_TPM_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

/* Can the client's request be answered from what is known of the TPM? */
bool tpm_queue_is_known(unsigned c);

/* No job is begun for a client from now on. Who waits is told -ERR_STOPPING, unless
 * the answer is known by then. */
void tpm_queue_stop(void);

/*
 * Makes progress with the TPM's job, replies to whom it was for, and begins what is next,
 * until there is nothing more to do now. `tpm_event`: PORT_EVENT_TPM has arrived.
 */
void tpm_queue_run(uint64_t now, bool tpm_event);

#endif
