#include "base/text.h"
#include "bounds.h"
#include "err.h"
#include "port.h"
#include "tpm/connect.h"
#include "tpm/link.h"
#include "tpm/ready_session.h"
#include "tpm/session.h"

/* While the link is closed: when to open it, and why it is not open. */
static struct {
	uint64_t grace_end; /* a TPM that is late is expected until then; 0: no longer */
	uint64_t reopen_at;
	unsigned failures; /* since a job last succeeded */
	int error; /* of the last attempt, or 0 */
	const char *found; /* the device that the log names as found, or NULL */
	int complaint; /* the error that was logged last; 0 once a job has succeeded */
} closed;

void connect_init(uint64_t now, uint32_t grace_ms)
{
	closed.grace_end = now + grace_ms;
	closed.reopen_at = now;
}

int connect_wait_error(const struct tpm *t, uint64_t now)
{
	if (t->esys != NULL) {
		return 0;
	}
	if (now < closed.grace_end && closed.error != -ERR_TPM_VERSION) {
		return 0;
	}
	return closed.error != 0 ? closed.error : -ERR_TPM_UNAVAILABLE;
}

int connect_error(uint64_t now)
{
	return closed.error != 0 || now < closed.grace_end ? closed.error : -ERR_TPM_UNAVAILABLE;
}

const char *connect_device(void)
{
	return closed.found;
}

uint64_t connect_deadline(void)
{
	return closed.grace_end != 0 && closed.grace_end < closed.reopen_at ? closed.grace_end
									    : closed.reopen_at;
}

bool connect_is_due(uint64_t now)
{
	if (now >= closed.grace_end) {
		closed.grace_end = 0;
	}
	return now >= closed.reopen_at;
}

void connect_complain(struct tpm *t, int err, uint32_t rc)
{
	if (err != closed.complaint) {
		closed.complaint = err;
		t->log(true, "TPM", err, rc);
	}
}

void connect_recovered(struct tpm *t)
{
	closed.failures = 0;
	if (closed.complaint != 0) {
		closed.complaint = 0;
		t->log(false, "TPM works again", 0, 0);
	}
}

static void log_device(const struct tpm *t, const char *device)
{
	char line[128];
	struct text text = text_in(line, sizeof line - 1);

	text_str(&text, "TPM found: ");
	text_str(&text, device);
	line[text.len] = '\0';
	t->log(false, line, 0, 0);
}

/* Is this the system's own statement about the TPM? Then clients are told it until the
 * next attempt. */
static bool is_of_system(int fault)
{
	return fault == -ERR_TPM_VERSION || fault == -ERR_TPM_DENIED || fault == -ERR_TPM_BLOCKED ||
	       fault == -ERR_TPM_SERVICE || fault == -ERR_TPM_GAP;
}

/* The pause before the next attempt, in ms: doubled up to a second; after about a minute
 * of these, ten seconds. */
static uint32_t longer_pause(void)
{
	unsigned n = closed.failures++;

	static_assert(TPM_REOPEN_MIN_MS << 5 > TPM_REOPEN_MAX_MS, "the first five are shorter");
	return n < 5                  ? TPM_REOPEN_MIN_MS << n
	       : n < TPM_REOPEN_COUNT ? TPM_REOPEN_MAX_MS
				      : TPM_REOPEN_LATE_MS;
}

/* A device that takes long to fail is asked less often: a pause is at least ten times as
 * long as the attempt was. */
int connect_open(struct tpm *t, uint64_t now)
{
	const char *device;
	uint64_t after;
	uint64_t pause;
	int r = link_open(&device);

	if (r == 0) {
		t->esys = link_esys();
		session_open(t);
		if (!port_tpm_is_bare()) {
			t->facts |= FACT_CLEAN; /* the resource manager flushes what is left */
		}
		if (closed.found != device) {
			closed.found = device;
			log_device(t, device);
		}
		closed.error = 0;
		closed.grace_end = 0;
		return 0;
	}
	closed.found = NULL;
	connect_complain(t, r, 0);
	after = port_now_ms();
	pause = longer_pause();
	closed.error = r;
	closed.reopen_at = after + (pause > 10 * (after - now) ? pause : 10 * (after - now));
	return r;
}

void connect_close(struct tpm *t)
{
	link_close();
	session_close(t);
	t->esys = NULL;
	ready_reset(t);
	t->facts &= ~(unsigned)(FACTS_OF_LINK | (port_tpm_holds_keys() ? FACT_AIKS : 0));
	for (unsigned k = 0; k < KEYS; k++) {
		t->keys[k].persistent = ESYS_TR_NONE;
		t->keys[k].loaded = ESYS_TR_NONE;
	}
}

void connect_lost(struct tpm *t, uint64_t now, int fault)
{
	connect_close(t);
	closed.error = is_of_system(fault) ? fault : -ERR_TPM_UNAVAILABLE;
	closed.reopen_at = now + longer_pause();
	connect_complain(t, fault, 0);
}
