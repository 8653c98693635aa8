#include "service/cert_retry.h"

#include "bounds.h"
#include "port.h"
#include "service/client.h"

static bool wanted;
static uint64_t earliest;

void cert_retry_init(uint64_t now)
{
	earliest = now + CERT_AGAIN_MS;
}

void cert_retry_stop(void)
{
	earliest = PORT_NEVER;
}

void cert_retry_consider(unsigned facts, enum key_index aik)
{
	const struct identity *id = tpm_identity();
	bool no_cert = id->ek_cert_len == 0;
	bool no_proof = facts & FACT_AIKS && id->keys[aik].created.attest_len == 0;

	wanted = wanted || (facts & FACT_CERT && (no_cert || no_proof));
}

uint64_t cert_retry_deadline(void)
{
	return wanted && tpm_idle() && clients_next_waiting(0) == NOBODY ? earliest : PORT_NEVER;
}

bool cert_retry_run(uint64_t now)
{
	if (now < cert_retry_deadline()) {
		return false;
	}
	wanted = false;
	earliest = now + CERT_AGAIN_MS;
	tpm_look_again();
	return true;
}
