#include <string.h>

#include "bounds.h"
#include "err.h"
#include "port.h"
#include "tpm/chain.h"
#include "tpm/nv_read.h"
#include "tpm/response_code.h"
#include "wire/cert_chain.h"

static void begin(struct tpm *t)
{
	memset(&t->chain, 0, sizeof t->chain);
	nv_begin(t);
}

/* ---- which indices exist ------------------------------------------------- */

static TSS2_RC list_start(struct tpm *t)
{
	return Esys_GetCapability_Async(t->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
					TPM2_CAP_HANDLES, NV_CHAIN_FIRST + t->chain.index,
					CHAIN_INDICES - t->chain.index);
}

/* Takes the chain's. Handles are in ascending order, and those after the chain's may
 * follow. Returns true if there may be more of the chain's. */
static bool take_handles(struct tpm *t, const TPML_HANDLE *list)
{
	unsigned from = t->chain.index;

	for (uint32_t i = 0; i < list->count; i++) {
		uint32_t index = list->handle[i] - NV_CHAIN_FIRST;

		if (index >= CHAIN_INDICES) {
			return false;
		}
		t->chain.exists[index / 8] |= (uint8_t)(1U << index % 8);
		t->chain.index = index + 1;
	}
	return t->chain.index > from && t->chain.index < CHAIN_INDICES;
}

/* A TPM that refuses to list them counts as having none. */
static TSS2_RC list_finish(struct tpm *t)
{
	TPMS_CAPABILITY_DATA *data = NULL;
	TPMI_YES_NO more;
	TSS2_RC rc = Esys_GetCapability_Finish(t->esys, &more, &data);
	bool again = false;

	if (rc == TSS2_RC_SUCCESS && data->capability == TPM2_CAP_HANDLES) {
		again = take_handles(t, &data->data.handles) && more;
	} else if (rc == TSS2_RC_SUCCESS || rc_is_about_parameter(rc)) {
		t->chain.incomplete = true;
		rc = TSS2_RC_SUCCESS;
	}
	Esys_Free(data);
	if (!again) {
		t->chain.index = 0;
	}
	return again ? STEP_AGAIN : rc;
}

/* ---- what is in them ------------------------------------------------------ */

/* Is the index to be read? If ESAPI cannot, the chain is incomplete. */
static bool is_there(struct tpm *t)
{
	unsigned i = t->chain.index / 8, bit = 1U << t->chain.index % 8;

	t->chain.incomplete =
		t->chain.incomplete || (t->chain.exists[i] & t->chain_unreadable[i] & bit);
	return t->chain.exists[i] & ~t->chain_unreadable[i] & bit;
}

static TSS2_RC open_start(struct tpm *t)
{
	TSS2_RC rc;

	while (t->chain.index < CHAIN_INDICES && !is_there(t)) {
		t->chain.index++;
	}
	if (t->chain.index == CHAIN_INDICES) {
		nv_begin(t);
		return STEP_SKIP;
	}
	rc = nv_open_start(t);
	t->nv.dest = t->id.ek_chain.raw + t->chain.used;
	t->nv.cap = (uint16_t)(sizeof t->id.ek_chain.raw - t->chain.used);
	return rc;
}

/* If ESAPI cannot compute the index's Name, the link has to be opened again; then this
 * index is not read. */
static TSS2_RC open_finish(struct tpm *t)
{
	TSS2_RC rc = nv_open_finish(t);

	if (t->nv.unreadable & 1U << NV_EK_CHAIN) {
		t->nv.unreadable &= ~(1U << NV_EK_CHAIN);
		t->chain_unreadable[t->chain.index / 8] |= (uint8_t)(1U << t->chain.index % 8);
	}
	return rc;
}

/* Is the error about the index, and not about the TPM's state, which is temporary? */
static bool is_about_index(int r, TSS2_RC rc)
{
	return r == -ERR_CERT_ACCESS || (rc_tpm(rc) & TPM2_RC_FMT1) || rc_is_about_parameter(rc);
}

/* Sends nothing: goes on with the next index. If this one cannot be read now, the operation
 * fails; if it never can, the chain is incomplete. */
static TSS2_RC next_index(struct tpm *t)
{
	int r = nv_outcome(t);

	nv_close(t);
	if (t->chain.index == CHAIN_INDICES) {
		return STEP_SKIP;
	}
	if (r == 0) {
		t->chain.used = (uint16_t)(t->chain.used + t->nv.len);
	} else if (r != -ERR_CERT_ABSENT) {
		if (!is_about_index(r, t->nv.rc)) {
			return t->nv.rc;
		}
		t->chain.incomplete = true;
	}
	t->chain.incomplete = t->chain.incomplete || t->nv.truncated;
	t->chain.index++;
	return STEP_LOOP;
}

/* ---- the certificates ------------------------------------------------------ */

static void split(struct tpm *t)
{
	struct reader r = reader_over(t->id.ek_chain.raw, t->chain.used);
	const uint8_t *cert;
	size_t len;

	t->id.ek_chain.count = 0;
	while (cert_chain_next(&r, &cert, &len, &t->chain.incomplete)) {
		unsigned i = t->id.ek_chain.count;

		if (i == EK_CHAIN_CERTS) {
			t->chain.incomplete = true;
			return;
		}
		t->id.ek_chain.certs[i].at = (uint16_t)(cert - t->id.ek_chain.raw);
		t->id.ek_chain.certs[i].len = (uint16_t)len;
		t->id.ek_chain.count++;
	}
}

/* The TPM has none: takes the system's. */
static void take_from_port(struct tpm *t)
{
	const uint8_t *p;
	size_t n;
	int r;

	t->chain.used = 0;
	for (unsigned i = 0; (r = port_ek_chain(i, &p, &n)) != -ERR_CERT_ABSENT; i++) {
		if (r != 0 || n > sizeof t->id.ek_chain.raw - t->chain.used) {
			t->chain.incomplete = true;
			continue;
		}
		memcpy(t->id.ek_chain.raw + t->chain.used, p, n);
		t->chain.used = (uint16_t)(t->chain.used + n);
	}
	split(t);
}

static int conclude(struct tpm *t, TSS2_RC rc, bool *stale)
{
	(void)stale;
	nv_close(t);
	if (rc != TSS2_RC_SUCCESS) {
		return rc_error(rc);
	}
	split(t);
	if (t->id.ek_chain.count == 0) {
		take_from_port(t);
	}
	if (t->chain.incomplete) {
		t->log(true,
		       "the EK's chain is incomplete: part of it is no certificate, may not "
		       "be read, or is too long",
		       0, 0);
	}
	t->facts |= FACT_CHAIN;
	return 0;
}

static const struct step steps[] = {
	{list_start, list_finish, TPM_COMMAND_MS, 0},
	{open_start, open_finish, TPM_COMMAND_MS, NV_EK_CHAIN},
	{nv_public_start, nv_public_finish, TPM_COMMAND_MS, NV_EK_CHAIN},
	{nv_read_start, nv_read_finish, TPM_COMMAND_MS, NV_EK_CHAIN},
	{next_index, NULL, 0, NV_EK_CHAIN},
};

const struct operation chain_operation = {STEPS(steps), .begin = begin, .conclude = conclude,
					  .loop = 1};
