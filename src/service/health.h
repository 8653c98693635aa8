/*
 * getHealth: the state of attestd and of its TPM, as far as it is known without
 * sending the TPM a command.
 */
#ifndef SERVICE_HEALTH_H
#define SERVICE_HEALTH_H

#include <stdint.h>

#include "base/text.h"

struct health {
	int err; /* 0, or the negative enum err that getAttestationData would get now */
	uint32_t tpm_rc; /* the TPM's response code that caused it, or 0 */
	uint64_t uptime_s;
	uint64_t requests; /* lines received, whether they could be parsed or not */
};

/* Writes the whole reply line. */
void health_reply(const struct health *health, struct text *reply);

#endif
