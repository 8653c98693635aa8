/*
 * getHealth: how attestd and its TPM are, from what is known, without asking it.
 */
#ifndef SERVICE_HEALTH_H
#define SERVICE_HEALTH_H

#include <stdint.h>

#include "base/text.h"

struct health {
	int err; /* what a request for an attestation would get now: 0, or a negative enum err */
	uint32_t tpm_rc; /* the TPM's response code behind it, or 0 */
	uint64_t uptime_s;
	uint64_t requests; /* lines that were taken for one */
};

/* Writes the whole reply line. */
void health_reply(const struct health *health, struct text *reply);

#endif
