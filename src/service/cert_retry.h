/*
 * A reply may have to go without the EK's certificate, or without what proves how an
 * AIK was made, because the TPM did not give it. A minute later it may: it is looked
 * for again after such a reply, once a minute at most, and only while no client needs
 * the TPM.
 */
#ifndef SERVICE_CERT_RETRY_H
#define SERVICE_CERT_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "tpm/tpm.h"

/* At the start: the first search is part of finding the TPM, and not done here. */
void cert_retry_init(uint64_t now);
/* From now on nothing is looked for. */
void cert_retry_stop(void);

/* A reply was given from these facts (FACT_ bits) and this AIK: asks for a search if
 * the reply lacked something. */
void cert_retry_consider(unsigned facts, enum key_index aik);

/* When cert_retry_run is to be called; PORT_NEVER: not for now. */
uint64_t cert_retry_deadline(void);
/* Starts the search if it is due. Returns true if it did: tpm_run MUST follow. */
bool cert_retry_run(uint64_t now);

#endif
