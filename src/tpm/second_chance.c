#include "tpm/second_chance.h"

#include "err.h"
#include "port.h"
#include "tpm/ready_session.h"
#include "tpm/response_code.h"
#include "tpm/session.h"

enum {
	CHANCE_REOPEN_LINK = 1,
	CHANCE_FIND_KEYS = 2,
	CHANCE_NEW_AUTH = 4,
	CHANCE_FLUSH_STALE = 8,
};
static unsigned used; /* by the job at work: CHANCE_ bits */

void second_chances_begin(void)
{
	used = 0;
}

/* Returns false if the job has used it before. */
static bool use(unsigned chance)
{
	bool is_left = !(used & chance);

	used |= chance;
	return is_left;
}

bool second_chance_after_fault(int fault)
{
	return fault != -ERR_TPM_TIMEOUT && fault != -ERR_MEMORY && use(CHANCE_REOPEN_LINK);
}

/* The TPM has no free slot: objects or sessions that nobody uses may take them. */
static bool flush_stale(struct tpm *t)
{
	if (!port_tpm_is_bare() || !use(CHANCE_FLUSH_STALE)) {
		return false;
	}
	t->flush_fresh_sessions = true;
	t->facts &= ~(unsigned)FACT_CLEAN;
	return true;
}

/* The keys have changed, or their contexts are void. Loaded keys are given up together
 * with the link. That is no fault of the link: if the TPM is reset just then, the job
 * may still be tried on another link. */
static bool find_keys(struct tpm *t, bool *reopens)
{
	if (!use(CHANCE_FIND_KEYS)) {
		return false;
	}
	if (port_tpm_holds_keys()) {
		*reopens = true;
		used &= ~(unsigned)CHANCE_REOPEN_LINK;
	}
	t->facts &= ~(unsigned)(FACT_EK | FACT_AIKS);
	return true;
}

bool second_chance_after_error(struct tpm *t, int err, TSS2_RC rc, bool stale, bool *reopens)
{
	bool full = err == -ERR_TPM_FULL || err == -ERR_TPM_GAP;

	/* The session that is ready may be the cause, or take the room that is needed. */
	if (ready_was_to_blame(t, err, rc) || (ready_discard(t) && full)) {
		return true;
	}
	return ((stale || rc_is_once_more(rc)) && find_keys(t, reopens)) ||
	       (full && flush_stale(t)) ||
	       (err == -ERR_TPM_AUTH && use(CHANCE_NEW_AUTH) && session_renew(t));
}
