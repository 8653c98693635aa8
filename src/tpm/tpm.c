#include "tpm/tpm.h"

#include "base/wipe.h"
#include "crypto/salt.h"
#include "tpm/connect.h"
#include "tpm/job.h"
#include "tpm/link.h"
#include "tpm/own_jobs.h"
#include "tpm/primary_key.h"
#include "tpm/ready_session.h"
#include "tpm/work.h"

static struct tpm tpm;

void tpm_init(uint64_t now, uint32_t grace_ms, tpm_log_fn *log)
{
	key_init(&tpm);
	ready_reset(&tpm);
	tpm.log = log;
	connect_init(now, grace_ms);
}

bool tpm_knows(unsigned facts)
{
	facts |= FACT_EK;
	return tpm.esys != NULL && (tpm.facts & facts) == facts;
}

const struct identity *tpm_identity(void)
{
	return &tpm.id;
}

int tpm_fact_error(unsigned facts, uint64_t now, uint32_t *rc)
{
	*rc = 0;
	if (tpm_knows(facts)) {
		return 0;
	}
	return tpm.esys == NULL ? connect_error(now) : work_fact_error(rc);
}

const char *tpm_device(void)
{
	return connect_device();
}

uint32_t tpm_commands(void)
{
	return link_commands();
}

int tpm_wait_error(uint64_t now)
{
	return connect_wait_error(&tpm, now);
}

bool tpm_idle(void)
{
	return tpm.esys != NULL && work_is_idle();
}

void tpm_begin(unsigned facts, const struct operation *op, const struct request_params *params)
{
	assert(tpm_idle());
	tpm.params = *params;
	work_begin(&tpm, facts, op, true);
}

void tpm_look_again(void)
{
	assert(tpm_idle());
	own_jobs_look_again(&tpm);
}

void tpm_give_way(void)
{
	work_abandon_series();
}

void tpm_expect_activation(uint64_t now)
{
	ready_expect(&tpm, now);
}

/* Opens the link if it is time to. Returns false if it stays closed. */
static bool open_link(uint64_t now)
{
	int r;

	if (!connect_is_due(now)) {
		return false;
	}
	r = connect_open(&tpm, now);
	if (r != 0) {
		work_give_up(&tpm, r);
		return false;
	}
	own_jobs_link_opened(&tpm);
	return true;
}

void tpm_run(uint64_t now, bool event)
{
	if (tpm.esys == NULL && !open_link(now)) {
		return;
	}
	if (work_is_idle()) {
		own_jobs_idle(&tpm, now);
	}
	work_run(&tpm, now, event);
}

const struct tpm_result *tpm_result(void)
{
	return work_result(&tpm);
}

void tpm_forget(void)
{
	work_forget(&tpm);
}

uint64_t tpm_deadline(void)
{
	if (tpm.esys == NULL) {
		return connect_deadline();
	}
	return work_is_idle() ? own_jobs_deadline(&tpm) : job_deadline();
}

bool tpm_wind_down(void)
{
	work_wind_down();
	return tpm.esys == NULL || (work_is_idle() && tpm.ready.session == ESYS_TR_NONE);
}

void tpm_close(void)
{
	connect_close(&tpm);
	for (unsigned k = 0; k < KEYS; k++) {
		key_drop(&tpm.keys[k]);
	}
	salt_wipe();
	wipe(&tpm, sizeof tpm);
}
