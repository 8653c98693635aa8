/*
 * A port and a TPM for src/service/server.c, both driven by a script: a list
 * of acts (fake_server_acts.h), which port_wait goes through. It returns an event to
 * the server, and checks what is expected when the server waits again.
 *
 * The server runs once in a process; so serve() forks for each script.
 */
#ifndef TESTS_FAKE_SERVER_H
#define TESTS_FAKE_SERVER_H

#include "unit.h"

#include <sys/wait.h>

#include "bounds.h"
#include "err.h"
#include "port.h"
#include "service/server.h"
#include "tpm/tpm.h"

#include "fake_server_acts.h"

static const struct act *acts;
static const struct act *act;
static uint64_t clock_ms;
static unsigned spins; /* times the server was woken without the time going on */
static enum port_state port_is;
static bool unlistened;
static bool once; /* `attestd once`: connection 0 is there from the start */
static char last_log[512];

/* serve()'s child must not use cmocka's assertions: nobody would catch their failure. */
static void check_failed(const char *what, int line)
{
	fprintf(stderr, "%s:%d: %s; act %d, at %d ms\n", __FILE__, line, what, (int)(act - acts),
		(int)clock_ms);
	_exit(1);
}
#define CHECK(x)                                    \
	do {                                        \
		if (!(x)) {                         \
			check_failed(#x, __LINE__); \
		}                                   \
	} while (0)

/* ---- connections: the contract of port.h ------------------------------- */

static struct fake_conn {
	bool open, armed, sending, eof;
	bool asked; /* port_admit was */
	bool turned_away;
	int refusal; /* what it says */
	bool may_not_quote;
	uint8_t *rx;
	size_t rx_len;
	uint8_t tx[TX_MAX];
	size_t tx_len;
	int64_t linger; /* how it was closed */
} clients[CONN_MAX];

static struct fake_conn *conn_of(unsigned c)
{
	CHECK(c < CONN_MAX);
	CHECK(clients[c].open);
	return &clients[c];
}

static void receive(unsigned c, const char *text, size_t spaces)
{
	struct fake_conn *s = conn_of(c);
	size_t n = strlen(text);

	CHECK(s->armed && !s->eof);
	CHECK(s->rx_len + spaces + n <= RX_MAX);
	s->rx = realloc(s->rx, s->rx_len + spaces + n + 1);
	memset(s->rx + s->rx_len, ' ', spaces);
	memcpy(s->rx + s->rx_len + spaces, text, n);
	s->rx_len += spaces + n;
	s->armed = false;
}

bool port_rx(unsigned c, const uint8_t **p, size_t *n)
{
	*p = conn_of(c)->rx;
	*n = clients[c].rx_len;
	return clients[c].eof;
}

void port_rx_ack(unsigned c, size_t n)
{
	struct fake_conn *s = conn_of(c);
	uint8_t *rest;

	CHECK(n <= s->rx_len && !s->armed);
	s->rx_len -= n;
	rest = malloc(s->rx_len + 1); /* at another address, so that use of an old pointer shows */
	memcpy(rest, s->rx + n, s->rx_len);
	free(s->rx);
	s->rx = rest;
}

void port_rx_arm(unsigned c)
{
	struct fake_conn *s = conn_of(c);

	CHECK(!s->armed && !s->sending && !s->eof && s->rx_len < RX_MAX);
	s->armed = true;
}

uint8_t *port_tx(unsigned c, size_t *cap)
{
	CHECK(!conn_of(c)->sending);
	*cap = TX_MAX;
	return clients[c].tx;
}

void port_tx_send(unsigned c, size_t n)
{
	struct fake_conn *s = conn_of(c);

	CHECK(n > 0 && n <= TX_MAX && !s->sending && !s->armed);
	s->sending = true;
	s->tx_len = n;
}

int port_admit(unsigned c)
{
	CHECK(!conn_of(c)->asked);
	clients[c].asked = true;
	return clients[c].refusal;
}

bool port_may_quote(unsigned c)
{
	CHECK(conn_of(c)->asked);
	return !clients[c].may_not_quote;
}

void port_turn_away(unsigned c, size_t n)
{
	struct fake_conn *s = conn_of(c);

	CHECK(s->asked && s->refusal != 0 && n > 0 && n <= TX_MAX);
	s->tx_len = n;
	free(s->rx);
	s->rx = NULL;
	s->rx_len = 0;
	s->open = s->armed = false;
	s->turned_away = true;
}

void port_close(unsigned c, uint32_t linger_ms)
{
	struct fake_conn *s = conn_of(c);

	CHECK(s->asked && s->refusal == 0);
	free(s->rx);
	memset(s, 0, sizeof *s);
	s->linger = linger_ms;
}

void port_peer(unsigned c, struct port_id *id)
{
	conn_of(c);
	snprintf(id->text, sizeof id->text, "peer=%u", c);
}

/* ---- the rest of the port ---------------------------------------------- */

uint64_t port_now_ms(void)
{
	return clock_ms;
}

void port_state(enum port_state state)
{
	CHECK(state > port_is);
	port_is = state;
}

void port_unlisten(void)
{
	unlistened = true;
}

void port_log(enum port_log_level level, const char *text, size_t n)
{
	(void)level;
	snprintf(last_log, sizeof last_log, "%.*s", (int)n, text);
}

/* ---- the TPM ------------------------------------------------------------ */

static struct identity identity = {
	.ek_spki = "spki", .ek_spki_len = 4, .keys[KEY_EK] = {.tpm = "ektpm", .tpm_len = 5}};

/* The server knows operations by their addresses only. */
const struct operation {
	char unused;
} activate_operation, quote_operation, certify_operation;

static struct {
	unsigned known; /* FACT_ bits */
	uint64_t blocks; /* so long the next tpm_run takes */
	int wait_error, trouble;
	bool own_job;
	bool begun; /* tpm_run is due */
	bool working, ends, ready;
	unsigned secret; /* the credential's first byte, or the nonce's */
	struct tpm_result result;
	unsigned looks, gave_way, expected;
	uint64_t deadline;
	bool closed;
} tpm = {.deadline = PORT_NEVER};

void tpm_init(uint64_t now, uint32_t grace_ms, tpm_log_fn *log)
{
	CHECK(now == clock_ms && grace_ms == 1234);
	CHECK(log != NULL);
	log(false, "the TPM's log", 0, 0);
}

bool tpm_knows(unsigned facts)
{
	return (tpm.known & facts) == facts;
}

const struct identity *tpm_identity(void)
{
	return &identity;
}

int tpm_fact_error(unsigned facts, uint64_t now, uint32_t *rc)
{
	CHECK(now == clock_ms && facts == (FACT_CERT | FACT_AIK_ECC));
	*rc = tpm.trouble == 0 ? 0 : 0x185;
	return tpm.trouble;
}

const char *tpm_device(void)
{
	return "/dev/fake";
}

uint32_t tpm_commands(void)
{
	return 42;
}

int tpm_wait_error(uint64_t now)
{
	CHECK(now == clock_ms);
	return tpm.wait_error;
}

bool tpm_idle(void)
{
	return tpm.wait_error == 0 && !tpm.working && !tpm.own_job;
}

bool tpm_wind_down(void)
{
	return !tpm.working && !tpm.own_job;
}

void tpm_begin(unsigned facts, const struct operation *op, const struct request_params *params)
{
	CHECK(tpm_idle() && !tpm.ready); /* tpm_forget comes between */
	tpm.working = true;
	tpm.begun = true;
	tpm.secret = op == NULL                  ? 'e' + facts
		     : op == &activate_operation ? params->as.credential.secret[0]
						 : params->as.sign.nonce[0];
}

void tpm_look_again(void)
{
	CHECK(tpm_idle());
	tpm.looks++;
}

void tpm_give_way(void)
{
	tpm.gave_way++;
}

void tpm_expect_activation(uint64_t now)
{
	CHECK(now == clock_ms);
	tpm.expected++;
}

void tpm_run(uint64_t now, bool event)
{
	CHECK(now == clock_ms);
	tpm.begun = false;
	clock_ms += tpm.blocks;
	tpm.blocks = 0;
	if (event && tpm.working && tpm.ends) {
		tpm.working = false;
		tpm.ready = true;
		tpm.result.commands = 5;
		tpm.result.secret[0] = (uint8_t)tpm.secret;
		tpm.result.secret_len = 1;
		tpm.result.sign.attest[0] = (uint8_t)tpm.secret;
		tpm.result.sign.attest_len = 1;
	}
	tpm.ends = false;
}

const struct tpm_result *tpm_result(void)
{
	return tpm.ready ? &tpm.result : NULL;
}

void tpm_forget(void)
{
	tpm.ready = false;
	memset(&tpm.result, 0, sizeof tpm.result);
}

uint64_t tpm_deadline(void)
{
	return tpm.deadline;
}

void tpm_close(void)
{
	CHECK(!tpm.closed);
	tpm.closed = true;
}

#include "fake_server_script.h"

#endif
