#include "service/server.h"

#include "bounds.h"
#include "err.h"
#include "service/cert_retry.h"
#include "service/client.h"
#include "service/dispatch.h"
#include "service/health.h"
#include "service/log_lines.h"
#include "service/respond.h"
#include "service/tpm_queue.h"
#include "tpm/tpm.h"

static struct {
	bool once; /* one client, which may send many lines */
	bool broken; /* standard input or output failed (once) */
	bool stopping;
	uint64_t stop_deadline;
	uint64_t started;
	uint64_t requests; /* lines received */
} server;

/* ---- requests -------------------------------------------------------- */

/* Would getAttestationData succeed now, as far as is known without asking the TPM? */
static void answer_health(unsigned c, uint64_t now)
{
	static const unsigned facts = FACT_CERT | FACT_AIK_ECC;
	struct health health = {.uptime_s = (now - server.started) / 1000,
				.requests = server.requests};

	health.err = tpm_fact_error(facts, now, &health.tpm_rc);
	if (server.stopping && !tpm_knows(facts)) {
		health.err = -ERR_STOPPING;
		health.tpm_rc = 0;
	}
	respond_health(c, &health, now);
}

/* Answers a request at once if it can be, and queues it for the TPM if not. */
static void take_request(unsigned c, struct request_error error, uint64_t now)
{
	const struct request_type *type = clients[c].type;

	if (type != NULL && type->signs && !port_may_quote(c)) {
		error = (struct request_error){-ERR_ACCESS, NULL};
	}
	if (type == NULL || error.err != 0) {
		respond_error(c, type, error, now);
	} else if (type->is_health) {
		answer_health(c, now);
	} else if (tpm_queue_is_known(c)) {
		respond_success(c, NULL, now);
	} else {
		client_wait(c);
	}
}

/* Takes the next line of what has arrived, or waits for more. */
static void read_line(unsigned c, uint64_t now)
{
	struct request_error error = {-ERR_TOO_LONG, NULL};
	const uint8_t *p;
	size_t n;
	bool ended = port_rx(c, &p, &n);
	struct line line = line_framer_next(&clients[c].framer, p, n, ended);

	clients[c].type = NULL;
	clients[c].last_line = line.last;
	if (line.kind == LINE_WHOLE) {
		(void)dispatch_parse(p + line.start, line.len, &clients[c].type, &clients[c].params,
				     &error);
	}
	port_rx_ack(c, line.consumed);
	if (line.kind == LINE_PARTIAL) {
		clients[c].state = CLIENT_READING;
		port_rx_arm(c);
	} else if (line.kind == LINE_NONE) {
		client_close(c, 0);
	} else {
		server.requests++;
		take_request(c, error, now);
	}
}

/* ---- connections ----------------------------------------------------- */

static void admit_client(unsigned c, uint64_t now)
{
	int err = port_admit(c);

	if (err != 0) {
		respond_turn_away(c, err);
	} else {
		client_open(c, now);
	}
}

/* The reply has been sent: once reads the next line, serve closes. */
static void reply_sent(unsigned c, uint64_t now)
{
	bool last_line = clients[c].last_line;
	const uint8_t *p;
	size_t n;

	if (server.once && !last_line) {
		read_line(c, now);
		return;
	}
	/* Closing at once, with bytes that were not read, could take the reply back. */
	port_rx(c, &p, &n);
	client_close(c, n > 0 || last_line || clients[c].framer.skipping ? LINGER_MS : 0);
}

/* Lets no new clients in; the present ones have STOP_MS to finish. */
static void stop(uint64_t now)
{
	if (!server.stopping) {
		server.stopping = true;
		server.stop_deadline = now + STOP_MS;
		tpm_queue_stop();
		port_state(PORT_STOPPING);
		port_unlisten();
	}
}

static void handle_event(struct port_event event, uint64_t now)
{
	unsigned c = event.conn;

	if ((event.kind == PORT_EVENT_DATA || event.kind == PORT_EVENT_SENT ||
	     event.kind == PORT_EVENT_CLOSED) &&
	    clients[c].state == CLIENT_FREE) {
		return; /* an earlier event of the same port_wait had it closed */
	}
	switch (event.kind) {
	case PORT_EVENT_OPEN:
		admit_client(c, now);
		break;
	case PORT_EVENT_DATA:
		read_line(c, now);
		break;
	case PORT_EVENT_SENT:
		reply_sent(c, now);
		break;
	case PORT_EVENT_CLOSED:
		server.broken = true;
		client_close(c, 0);
		break;
	case PORT_EVENT_STOP:
		stop(now);
		break;
	case PORT_EVENT_TPM:
		break; /* tpm_queue_run is told */
	}
}

/* ---- the loop -------------------------------------------------------- */

static bool is_finished(uint64_t now)
{
	if (server.once && !clients_any()) {
		stop(now);
	}
	return server.stopping &&
	       (now >= server.stop_deadline || (!clients_any() && tpm_wind_down()));
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t next_deadline(uint64_t clients_deadline)
{
	uint64_t deadline = earlier(clients_deadline, tpm_deadline());

	deadline = earlier(deadline, cert_retry_deadline());
	return server.stopping ? earlier(deadline, server.stop_deadline) : deadline;
}

/* Returns 0, or the negative enum err of a port_wait that is broken. */
static int loop(uint64_t now)
{
	struct port_event events[CONN_MAX];
	uint64_t clients_deadline = now;

	while (!is_finished(now)) {
		bool tpm_event = false;
		int n = port_wait(events, CONN_MAX, next_deadline(clients_deadline));

		if (n < 0) {
			return n;
		}
		now = port_now_ms();
		for (int i = 0; i < n; i++) {
			tpm_event = tpm_event || events[i].kind == PORT_EVENT_TPM;
			handle_event(events[i], now);
		}
		tpm_queue_run(now, tpm_event);
		clients_deadline = clients_expire(now, server.stopping);
	}
	return 0;
}

int server_run(enum port_mode mode, uint32_t grace_ms)
{
	uint64_t now = port_now_ms();
	bool failed;
	int r;

	server.once = mode == PORT_ONCE;
	server.started = now;
	clients_init(server.once);
	cert_retry_init(now);
	tpm_init(now, grace_ms, log_tpm);
	port_state(PORT_READY);
	tpm_queue_run(now, false); /* opens the TPM before the first request, if it is there */
	r = loop(now);
	if (r != 0) {
		log_event(PORT_LOG_ERROR, "waiting for events", r, 0);
	}
	failed = server.broken || respond_any_error() || clients_any();
	port_unlisten();
	tpm_close();
	port_state(PORT_STOPPED);
	return r != 0 || (server.once && failed) ? 1 : 0;
}
