#include <string.h>

#include "bounds.h"
#include "err.h"
#include "service/client.h"
#include "service/dispatch.h"
#include "service/health.h"
#include "service/log_lines.h"
#include "service/server.h"
#include "tpm/tpm.h"
#include "base/wipe.h"

static struct {
	bool once; /* one client, many lines, no deadlines */
	bool failed; /* a reply was an error, or did not get out */
	bool stopping;
	uint64_t stop_deadline;
	uint64_t arrivals;
	uint64_t started, requests; /* for getHealth */
	bool look; /* for what a reply had to go without, but not before */
	uint64_t look_at;
	unsigned working; /* the client in WORKING, or NOBODY */
} server;

/* ---- replies --------------------------------------------------------- */

static void send_reply(unsigned c, const struct text *reply, uint64_t now)
{
	wipe(&clients[c].params, sizeof clients[c].params);
	clients[c].state = SENDING;
	clients[c].deadline = server.once ? PORT_NEVER : now + CLIENT_MS;
	port_rx_ack(c, clients[c].taken);
	port_tx_send(c, reply->len);
}

static struct text reply_buffer(unsigned c)
{
	size_t cap;
	uint8_t *p = port_tx(c, &cap);

	return text_in((char *)p, cap);
}

static const char *name_of(const struct command *command)
{
	return command == NULL ? "-" : command->name;
}

static void refuse(unsigned c, const struct command *command, struct refusal why, uint32_t tpm_rc,
		   uint32_t tpm_commands, uint64_t now)
{
	struct text reply = reply_buffer(c);

	server.failed = true;
	dispatch_refuse(command, why, tpm_rc, &reply);
	log_request(name_of(command), why.err, tpm_rc, tpm_commands, c);
	send_reply(c, &reply, now);
}

static unsigned facts(unsigned c)
{
	return dispatch_facts(clients[c].command, &clients[c].params);
}

/* Does the reply go without something that may be there a minute later? */
static bool is_in_want(unsigned c)
{
	const struct identity *id = tpm_identity();

	return facts(c) & FACT_CERT &&
	       (id->ek_cert_len == 0 ||
		(facts(c) & FACT_AIKS && id->keys[clients[c].params.aik].created.attest_len == 0));
}

static void answer(unsigned c, const struct tpm_result *result, uint64_t now)
{
	struct text reply = reply_buffer(c);

	dispatch_reply(clients[c].command, &clients[c].params, result, &reply);
	server.look = server.look || is_in_want(c);
	if (clients[c].command->leads_on) {
		tpm_expect_activation(now);
	}
	log_request(clients[c].command->name, 0, 0, result == NULL ? 0 : result->commands, c);
	send_reply(c, &reply, now);
}

/* What an attestation would get now, as far as one can tell without asking for one. */
static void answer_health(unsigned c, uint64_t now)
{
	struct text reply = reply_buffer(c);
	struct health health = {.uptime_s = (now - server.started) / 1000,
				.requests = server.requests};

	health.err = tpm_fact_error(FACT_CERT | FACT_AIK_ECC, now, &health.tpm_rc);
	if (server.stopping && !tpm_knows(FACT_CERT | FACT_AIK_ECC)) {
		health.err = -ERR_STOPPING;
		health.tpm_rc = 0;
	}
	server.failed = server.failed || health.err != 0;
	health_reply(&health, &reply);
	log_request(clients[c].command->name, health.err, health.tpm_rc, 0, c);
	send_reply(c, &reply, now);
}

/* ---- connections ----------------------------------------------------- */

static void drop(unsigned c, uint32_t linger_ms)
{
	if (server.working == c) {
		server.working = NOBODY; /* the job goes on, for nobody */
	}
	wipe(&clients[c].params, sizeof clients[c].params);
	clients[c].state = FREE;
	port_close(c, linger_ms);
}

/* Can it be answered from memory? */
static bool is_known(unsigned c)
{
	return clients[c].command->op == NULL && tpm_knows(facts(c));
}

/* A whole line has arrived: is it a request, and can it be answered now? */
static void take_line(unsigned c, const uint8_t *line, size_t n, uint64_t now)
{
	const struct command **command = &clients[c].command;
	struct refusal why;
	int r = dispatch_parse(line, n, command, &clients[c].params, &why);

	if (*command != NULL && (*command)->signs && !port_may_quote(c)) {
		why = (struct refusal){-ERR_ACCESS, NULL};
		r = why.err;
	}
	if (r != 0 || *command == NULL) {
		refuse(c, *command, why, 0, 0, now);
	} else if ((*command)->at_once) {
		answer_health(c, now);
	} else if (is_known(c)) {
		answer(c, NULL, now);
	} else {
		clients[c].state = WAITING;
		clients[c].arrival = server.arrivals++;
	}
}

/* Looks at what has arrived: a line, too much for a line, or not yet enough. */
static void look(unsigned c, uint64_t now)
{
	const uint8_t *p, *end;
	size_t n, len;
	bool eof = port_rx(c, &p, &n);

	end = n == 0 ? NULL : memchr(p, '\n', n);
	if (clients[c].skipping) {
		clients[c].skipping = end == NULL;
		port_rx_ack(c, end == NULL ? n : (size_t)(end - p) + 1);
		eof = port_rx(c, &p, &n);
		end = n == 0 ? NULL : memchr(p, '\n', n);
	}
	if (end == NULL && eof && n == 0) {
		drop(c, 0);
		return;
	}
	if (end == NULL && !eof && n < RX_MAX) {
		clients[c].state = READING;
		port_rx_arm(c);
		return;
	}
	len = end == NULL ? n : (size_t)(end - p);
	server.requests++;
	clients[c].taken = end == NULL ? n : len + 1;
	clients[c].skipping = server.once && end == NULL && !eof;
	clients[c].last = end == NULL && !clients[c].skipping;
	if (len > 0 && p[len - 1] == '\r') {
		len--;
	}
	if (len > REQUEST_MAX) {
		refuse(c, NULL, (struct refusal){-ERR_TOO_LONG, NULL}, 0, 0, now);
	} else {
		take_line(c, p, len, now);
	}
}

/* The reply is out. What the client sent beyond its line is read away, so that
 * closing does not take the reply from it. */
static void sent(unsigned c, uint64_t now)
{
	const uint8_t *p;
	size_t n;

	if (server.once && !clients[c].last) {
		look(c, now);
		return;
	}
	port_rx(c, &p, &n);
	drop(c, n > 0 || clients[c].last ? LINGER_MS : 0);
}

/* No new clients; who is not done in time is cut off. */
static void stop(uint64_t now)
{
	if (!server.stopping) {
		server.stopping = true;
		server.stop_deadline = now + STOP_MS;
		(void)tpm_wind_down();
		port_state(PORT_STOPPING);
		port_unlisten();
	}
}

/* Who is not let in is told so, and is nobody. */
static void opened(unsigned c, uint64_t now)
{
	struct refusal why = {port_admit(c), NULL};

	if (why.err != 0) {
		struct text reply = reply_buffer(c);

		dispatch_refuse(NULL, why, 0, &reply);
		log_request(name_of(NULL), why.err, 0, 0, c);
		port_turn_away(c, reply.len);
		return;
	}
	clients[c].state = READING;
	clients[c].deadline = server.once ? PORT_NEVER : now + CLIENT_MS;
}

static void handle(struct port_event event, uint64_t now)
{
	unsigned c = event.conn;

	if ((event.kind == PORT_EVENT_DATA || event.kind == PORT_EVENT_SENT ||
	     event.kind == PORT_EVENT_CLOSED) &&
	    clients[c].state == FREE) {
		return; /* reported together with what had us close it */
	}
	switch (event.kind) {
	case PORT_EVENT_OPEN:
		opened(c, now);
		break;
	case PORT_EVENT_DATA:
		look(c, now);
		break;
	case PORT_EVENT_SENT:
		sent(c, now);
		break;
	case PORT_EVENT_CLOSED:
		server.failed = true; /* standard input or output is broken */
		drop(c, 0);
		break;
	case PORT_EVENT_STOP:
		stop(now);
		break;
	case PORT_EVENT_TPM:
		break; /* run_tpm's */
	}
}

/* Drops who is silent or does not read; returns the next time to look. */
static uint64_t expire(uint64_t now)
{
	uint64_t next = PORT_NEVER;

	for (unsigned c = 0; c < CONN_MAX; c++) {
		if (clients[c].state != READING && clients[c].state != SENDING) {
			continue;
		}
		if (clients[c].deadline <= now ||
		    (server.stopping && clients[c].state == READING)) {
			drop(c, 0);
		} else if (clients[c].deadline < next) {
			next = clients[c].deadline;
		}
	}
	return next;
}

/* ---- the TPM --------------------------------------------------------- */

static void deliver(uint64_t now)
{
	const struct tpm_result *result = tpm_result();
	unsigned c = server.working;

	if (result == NULL) {
		return;
	}
	if (c != NOBODY && result->err == 0) {
		answer(c, result, now);
	} else if (c != NOBODY) {
		refuse(c, clients[c].command, (struct refusal){result->err, result->field},
		       result->rc, result->commands, now);
	}
	server.working = NOBODY;
	tpm_forget();
}

static void begin(unsigned c)
{
	clients[c].state = WORKING;
	server.working = c;
	tpm_begin(facts(c), clients[c].command->op, &clients[c].params);
}

/* Answers those who wait and need not, and begins the first one's job if the
 * TPM is idle. Returns true if it did. */
static bool serve_waiting(uint64_t now)
{
	int outlook = server.stopping ? -ERR_STOPPING : tpm_wait_error(now);
	unsigned c = clients_next_waiting(0);

	while (c != NOBODY) {
		uint64_t arrival = clients[c].arrival;

		if (is_known(c)) {
			answer(c, NULL, now);
		} else if (outlook != 0) {
			refuse(c, clients[c].command, (struct refusal){outlook, NULL}, 0, 0, now);
		} else if (tpm_idle()) {
			begin(c);
			return true;
		} else {
			tpm_give_way();
		}
		c = clients_next_waiting(arrival + 1);
	}
	return false;
}

/* Who had to go without may get it a minute later: when is it looked for? Behind the
 * reply, and not while somebody waits for the TPM. */
static uint64_t look_deadline(void)
{
	bool now_or_later =
		server.look && !server.stopping && tpm_idle() && clients_next_waiting(0) == NOBODY;

	return now_or_later ? server.look_at : PORT_NEVER;
}

/* Returns true if that has begun. */
static bool look_again(uint64_t now)
{
	if (now < look_deadline()) {
		return false;
	}
	server.look = false;
	server.look_at = now + CERT_AGAIN_MS;
	tpm_look_again();
	return true;
}

/*
 * Where a TPM cannot be waited for, nobody is listened to while it works: that
 * is no silence of the clients'. Returns the time that it is now.
 */
static uint64_t defer_deadlines(uint64_t since)
{
	uint64_t now = port_now_ms();

	if (now != since) {
		clients_defer(now - since);
	}
	return now;
}

static void run_tpm(uint64_t now, bool event)
{
	do {
		uint64_t before = port_now_ms();

		tpm_run(now, event);
		now = defer_deadlines(before);
		event = false;
		deliver(now);
	} while (serve_waiting(now) || look_again(now));
}

/* ---- the loop -------------------------------------------------------- */

static bool over(uint64_t now)
{
	if (server.once && !clients_any()) {
		stop(now);
	}
	return server.stopping &&
	       (now >= server.stop_deadline || (!clients_any() && tpm_wind_down()));
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

int server_run(enum port_mode mode, uint32_t grace_ms)
{
	struct port_event events[CONN_MAX];
	uint64_t now = port_now_ms();
	uint64_t next = now;
	int status = 0;
	bool unanswered;

	server.once = mode == PORT_ONCE;
	server.started = now;
	server.working = NOBODY;
	server.look_at = now + CERT_AGAIN_MS; /* the first look comes with the TPM itself */
	if (server.once) {
		clients[0].state = READING; /* its PORT_EVENT_OPEN follows */
		clients[0].deadline = PORT_NEVER;
	}
	tpm_init(now, grace_ms, log_tpm);
	port_state(PORT_READY);
	run_tpm(now, false); /* so that the first request finds it, if it is there */
	while (!over(now)) {
		bool tpm_event = false;
		uint64_t deadline = earliest(earliest(next, tpm_deadline()), look_deadline());
		int n;

		if (server.stopping) {
			deadline = earliest(deadline, server.stop_deadline);
		}
		n = port_wait(events, CONN_MAX, deadline);
		if (n < 0) {
			log_event(PORT_LOG_ERROR, "waiting for events", n, 0);
			status = 1;
			break;
		}
		now = port_now_ms();
		for (int i = 0; i < n; i++) {
			tpm_event = tpm_event || events[i].kind == PORT_EVENT_TPM;
			handle(events[i], now);
		}
		run_tpm(now, tpm_event);
		next = expire(now);
	}
	unanswered = clients_any();
	port_unlisten();
	tpm_close();
	port_state(PORT_STOPPED);
	return server.once && (server.failed || unanswered) ? 1 : status;
}
