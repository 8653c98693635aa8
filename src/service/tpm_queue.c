#include "service/tpm_queue.h"

#include "err.h"
#include "port.h"
#include "service/cert_retry.h"
#include "service/client.h"
#include "service/respond.h"
#include "tpm/tpm.h"

static bool stopping;

bool tpm_queue_is_known(unsigned c)
{
	return clients[c].type->op == NULL && tpm_knows(client_facts(c));
}

void tpm_queue_stop(void)
{
	stopping = true;
	cert_retry_stop();
	(void)tpm_wind_down();
}

/* Replies to the client whose job has ended, unless it is gone. */
static void deliver_result(uint64_t now)
{
	const struct tpm_result *result = tpm_result();
	unsigned c = clients_working();

	if (result == NULL) {
		return;
	}
	if (c != NOBODY && result->err == 0) {
		respond_success(c, result, now);
	} else if (c != NOBODY) {
		respond_failed_job(c, result, now);
	}
	tpm_forget();
}

static void begin_job(unsigned c)
{
	clients[c].state = CLIENT_WORKING;
	tpm_begin(client_facts(c), clients[c].type->op, &clients[c].params);
}

/* Replies to those who need not wait, and begins the job of the first who must, if
 * the TPM is idle. Returns true if it has begun one. */
static bool serve_waiting(uint64_t now)
{
	int err = stopping ? -ERR_STOPPING : tpm_wait_error(now);
	unsigned c = clients_next_waiting(0);

	while (c != NOBODY) {
		uint64_t arrival = clients[c].arrival;

		if (tpm_queue_is_known(c)) {
			respond_success(c, NULL, now);
		} else if (err != 0) {
			respond_error(c, clients[c].type, (struct request_error){err, NULL}, now);
		} else if (tpm_idle()) {
			begin_job(c);
			return true;
		} else {
			tpm_give_way();
		}
		c = clients_next_waiting(arrival + 1);
	}
	return false;
}

/*
 * tpm_run, which blocks where the port cannot wait for the TPM. Clients are not
 * listened to in the meantime, so their deadlines move by as much. Returns the
 * time after it.
 */
static uint64_t run_job(uint64_t now, bool tpm_event)
{
	uint64_t before = port_now_ms(), after;

	tpm_run(now, tpm_event);
	after = port_now_ms();
	if (after != before) {
		clients_defer(after - before);
	}
	return after;
}

void tpm_queue_run(uint64_t now, bool tpm_event)
{
	do {
		now = run_job(now, tpm_event);
		tpm_event = false;
		deliver_result(now);
	} while (serve_waiting(now) || cert_retry_run(now));
}
