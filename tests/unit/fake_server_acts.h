/*
 * The acts of fake_server.h's scripts. A test writes one act a line:
 *
 *	const struct act script[] = {
 *		KNOWN(FACT_CERT),
 *		OPEN(0),
 *		SAY(0, GET_EK "\n"),
 *		REPLY(0, EK_REPLY),
 *		SENT(0),
 *		CLOSED(0, 0),
 *		STOP,
 *		END_OF_SCRIPT,
 *	};
 *
 * c is a connection's number.
 */
#ifndef TESTS_FAKE_SERVER_ACTS_H
#define TESTS_FAKE_SERVER_ACTS_H

#include <stdint.h>

enum kind {
	END,
	/* Events: port_wait returns one, or those that AND joins to it. */
	EVENT_OPEN,
	EVENT_SAY, /* the client sends text */
	EVENT_PAD, /* the client sends n spaces and a text */
	EVENT_EOF, /* the client sends text, and then no more */
	EVENT_SENT,
	EVENT_GONE,
	EVENT_STOP,
	EVENT_TPM, /* the job ends */
	EVENT_TPM_ONLY, /* the job goes on */
	EVENT_FAILS, /* port_wait itself */
	JOINED,
	/* Changes in the world. */
	TIME,
	SET_KNOWN,
	SET_WAIT_ERROR,
	SET_TROUBLE,
	SET_MAY_NOT_QUOTE,
	SET_BLOCKS,
	SET_OWN_JOB,
	SET_TPM_DEADLINE,
	/* What is expected. */
	IS_REPLY,
	IS_CLOSED,
	IS_TURNED_AWAY,
	IS_OPEN,
	IS_JOB,
	IS_DEADLINE,
	IS_STATE,
	IS_TIME,
	IS_LOG,
	IS_LOOKS,
	IS_EXPECTED,
};

struct act {
	enum kind kind;
	unsigned conn;
	const char *text;
	int64_t n;
};

/* ---- events: the server hears of one at a time ---------------------------- */

/* A client connects. */
#define OPEN(c) {EVENT_OPEN, c, NULL, 0}
/* A client connects whom the port does not admit, for this reason. */
#define OPEN_REFUSED(c, err) {EVENT_OPEN, c, NULL, err}
/* The client sends a text; n spaces and a text; a text, and then the end of its input. */
#define SAY(c, text) {EVENT_SAY, c, text, 0}
#define PAD(c, n, text) {EVENT_PAD, c, text, n}
#define SAY_EOF(c, text) {EVENT_EOF, c, text, 0}
/* The client has read its reply. */
#define SENT(c) {EVENT_SENT, c, NULL, 0}
/* The connection is broken. */
#define GONE(c) {EVENT_GONE, c, NULL, 0}
/* The system asks attestd to stop. */
#define STOP {EVENT_STOP, 0, NULL, 0}
/* The TPM has answered: the job has ended well, has failed, or goes on. */
#define TPM_DONE {EVENT_TPM, 0, NULL, 0}
#define TPM_FAILED(err, rc) {EVENT_TPM, rc, NULL, err}
#define TPM_READY {EVENT_TPM_ONLY, 0, NULL, 0}
/* port_wait itself fails. */
#define FAIL {EVENT_FAILS, 0, NULL, 0}
/* This event comes in one batch with the event before it. */
#define AND(...) {JOINED, 0, NULL, 0}, __VA_ARGS__

/* ---- what changes in the world, without an event --------------------------- */

/* The time goes on to t ms. If the server wants to be woken before, it is. */
#define AT(t) {TIME, 0, NULL, t}
/* The TPM's facts are known from now on. */
#define KNOWN(fact) {SET_KNOWN, fact, NULL, 0}
/* The next tpm_run takes so long. */
#define BLOCKS(ms) {SET_BLOCKS, 0, NULL, ms}
/* The error of a request that would wait for the TPM; 0: it may wait. */
#define WAIT_ERROR(err) {SET_WAIT_ERROR, 0, NULL, err}
/* The reason why an attestation is not possible, for getHealth; 0: it is possible. */
#define TROUBLE(err) {SET_TROUBLE, 0, NULL, err}
/* The port does not let the client have the AIK sign. */
#define MAY_NOT_QUOTE(c) {SET_MAY_NOT_QUOTE, c, NULL, 0}
/* The TPM's side works for itself, not for a client. */
#define OWN_JOB(on) {SET_OWN_JOB, 0, NULL, on}
/* The TPM's side wants to be woken at t. */
#define TPM_WAKES(t) {SET_TPM_DEADLINE, 0, NULL, t}

/* ---- what is expected now ---------------------------------------------------- */

/* The client is being sent this reply. */
#define REPLY(c, text) {IS_REPLY, c, text, 0}
/* The client's connection is closed, after this many milliseconds of lingering at most. */
#define CLOSED(c, linger) {IS_CLOSED, c, NULL, linger}
/* The client was turned away with this reply. */
#define TURNED_AWAY(c, text) {IS_TURNED_AWAY, c, text, 0}
/* The client is connected, and nothing is being sent to it. */
#define OPENED(c) {IS_OPEN, c, NULL, 0}
/* A job is at work with this credential or nonce; none is. */
#define JOB(secret) {IS_JOB, secret, NULL, 1}
#define NO_JOB {IS_JOB, 0, NULL, 0}
/* The server wants to be woken at t. */
#define WAITS_UNTIL(t) {IS_DEADLINE, 0, NULL, t}
/* The server has told the system that it is in this state. */
#define STATE(s) {IS_STATE, s, NULL, 0}
/* It is t ms. */
#define NOW(t) {IS_TIME, 0, NULL, t}
/* The certificate was looked for so often; the look was told to give way so often. */
#define LOOKED(times, gave_way) {IS_LOOKS, gave_way, NULL, times}
/* An activation was announced to the TPM's side so often. */
#define ANNOUNCED(times) {IS_EXPECTED, 0, NULL, times}
/* The log's last line. */
#define LOGGED(text) {IS_LOG, 0, text, 0}

#define END_OF_SCRIPT {END, 0, NULL, 0}

#endif
