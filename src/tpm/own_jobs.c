#include "tpm/own_jobs.h"

#include "port.h"
#include "tpm/aik.h"
#include "tpm/cert.h"
#include "tpm/ready_session.h"
#include "tpm/work.h"

static unsigned looked_for; /* by the look at work: FACT_ bits */

void own_jobs_link_opened(struct tpm *t)
{
	if (work_is_idle() && !work_is_winding_down()) {
		work_begin(t, FACT_CERT | FACT_AIK_ECC, NULL, false);
	}
}

void own_jobs_idle(struct tpm *t, uint64_t now)
{
	if (ready_flush_is_due(t, work_is_winding_down() ? PORT_NEVER : now)) {
		work_begin(t, 0, NULL, false); /* every job flushes it first */
	} else if (!work_is_winding_down() && ready_make_is_due(t, now)) {
		work_begin(t, FACT_EK, &ready_make_operation, false);
	}
}

uint64_t own_jobs_deadline(const struct tpm *t)
{
	if (work_is_winding_down()) {
		return t->ready.session == ESYS_TR_NONE ? PORT_NEVER : 0;
	}
	return ready_deadline(t);
}

/* Looks once for each thing that is missing: an AIK's signature over how it was created,
 * the EK certificate. What is known stays known meanwhile. */
static const struct operation *next_look(struct tpm *t)
{
	for (unsigned k = KEY_AIK_ECC; k < KEYS; k++) {
		unsigned fact = FACT_OF_AIK(k);

		if (t->id.keys[k].created.attest_len == 0 && (t->facts & ~looked_for & fact)) {
			looked_for |= fact;
			t->params.aik = (enum key_index)k;
			return &aik_certify_operation;
		}
	}
	if (t->id.ek_cert_len == 0 && !(looked_for & FACT_CERT)) {
		looked_for |= FACT_CERT;
		return &cert_operation;
	}
	return NULL;
}

void own_jobs_look_again(struct tpm *t)
{
	if (t->id.manufacturer == 0) {
		t->facts &= ~(unsigned)FACT_INFO; /* the TPM may tell it this time */
	}
	looked_for = 0;
	work_begin_series(t, FACT_EK | FACT_INFO, next_look);
}
