#include <string.h>

#include "bounds.h"
#include "err.h"
#include "service/log_lines.h"
#include "service/provision.h"
#include "tpm/persist_ek.h"
#include "tpm/tpm.h"

/* What is printed on success: [undo] and [nothing to do, done, dry run]. */
static const char outcomes[][3][48] = {
	{"The EK is already at 0x81010001.\n", "The EK is persistent now, at 0x81010001.\n",
	 "The EK would be made persistent at 0x81010001.\n"},
	{"Nothing is at 0x81010001.\n", "The EK is no longer at 0x81010001.\n",
	 "The EK would be removed from 0x81010001.\n"},
};
static const char refused[] = "provision: another object than the EK is at 0x81010001: "
			      "`tpm2_readpublic -c 0x81010001' shows it, "
			      "tpm2_evictcontrol removes it";

static int succeed(void)
{
	bool is_there = persist_ek.found == HANDLE_EK;
	unsigned which = is_there == persist_ek.undo ? 2 : persist_ek.sent;
	const char *text = outcomes[persist_ek.undo][which];

	return port_print(false, text, strlen(text)) == 0 ? 0
	       : persist_ek.sent                          ? PROVISION_UNSURE
							  : PROVISION_FAILED;
}

static int fail(int err, uint32_t rc)
{
	const char *text = err == -ERR_ADDRESS ? refused : persist_ek.why;

	log_event(PORT_LOG_ERROR, text == NULL ? "provision" : text, text == NULL ? err : 0, rc);
	if (persist_ek.unseen) {
		log_event(PORT_LOG_ERROR,
			  "provision: the TPM may have done it: run provision again", 0, 0);
		return PROVISION_UNSURE;
	}
	return err == -ERR_ADDRESS ? PROVISION_REFUSED : PROVISION_FAILED;
}

/* Is PORT_EVENT_STOP among the events? *event: PORT_EVENT_TPM is. */
static bool is_stop(const struct port_event *events, int n, bool *event)
{
	bool stop = false;

	*event = false;
	for (int i = 0; i < n; i++) {
		*event = *event || events[i].kind == PORT_EVENT_TPM;
		stop = stop || events[i].kind == PORT_EVENT_STOP;
	}
	return stop;
}

/* Runs the job to its end, or until there is no use in waiting for the TPM. Returns the
 * outcome. */
static int run(uint32_t *rc)
{
	static struct request_params none;
	struct port_event events[CONN_MAX];
	const struct tpm_result *result;
	uint64_t now = port_now_ms();
	bool begun = false, stopping = false, event = false;

	for (;;) {
		int n;

		tpm_run(now, event);
		if (!begun && tpm_idle()) {
			begun = true;
			tpm_begin(FACT_EK, &persist_ek_operation, &none);
			tpm_run(now, false);
		}
		result = tpm_result();
		if (result != NULL) {
			*rc = result->rc;
			return result->err != 0 && stopping ? -ERR_STOPPING : result->err;
		}
		n = begun ? 0 : tpm_wait_error(now);
		if (n != 0) {
			return n;
		}
		n = port_wait(events, CONN_MAX, tpm_deadline());
		if (n < 0) {
			return n;
		}
		now = port_now_ms();
		if (is_stop(events, n, &event)) {
			if (!begun) {
				return -ERR_STOPPING;
			}
			stopping = true;
			persist_ek_abandon();
		}
	}
}

int provision_run(const struct options *o)
{
	uint32_t rc = 0;
	int r;

	persist_ek.undo = o->undo;
	persist_ek.dry_run = o->dry_run;
	tpm_init(port_now_ms(), o->grace_ms, log_tpm);
	(void)tpm_wind_down(); /* no jobs but the one below */
	r = run(&rc);
	r = r == 0 || persist_ek.done ? succeed() : fail(r, rc);
	tpm_close();
	port_state(PORT_STOPPED);
	return r;
}
