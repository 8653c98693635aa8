/* The acts of fake_server.h's scripts. */
#ifndef TESTS_FAKE_SERVER_ACTS_H
#define TESTS_FAKE_SERVER_ACTS_H

#include <stdint.h>

enum kind {
	END,
	/* Events, which port_wait returns: one, or those with AND between them. */
	EVENT_OPEN,
	EVENT_SAY, /* the client sends text */
	EVENT_PAD, /* the client sends n spaces and a text */
	EVENT_EOF, /* the client sends text, and then no more */
	EVENT_SENT,
	EVENT_GONE,
	EVENT_STOP,
	EVENT_TPM, /* ... and the job ends */
	EVENT_TPM_ONLY,
	EVENT_FAILS, /* port_wait itself */
	JOINED,
	/* The world. */
	TIME,
	SET_KNOWN,
	SET_OUTLOOK,
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

#define OPEN(c) {EVENT_OPEN, c, NULL, 0}
/* ... whom the port does not admit, for this reason. */
#define OPEN_REFUSED(c, err) {EVENT_OPEN, c, NULL, err}
#define SAY(c, text) {EVENT_SAY, c, text, 0}
#define PAD(c, n, text) {EVENT_PAD, c, text, n}
#define SAY_EOF(c, text) {EVENT_EOF, c, text, 0}
#define SENT(c) {EVENT_SENT, c, NULL, 0}
#define GONE(c) {EVENT_GONE, c, NULL, 0}
#define STOP {EVENT_STOP, 0, NULL, 0}
#define TPM_DONE {EVENT_TPM, 0, NULL, 0}
#define TPM_FAILED(err, rc) {EVENT_TPM, rc, NULL, err}
#define TPM_READY {EVENT_TPM_ONLY, 0, NULL, 0}
#define FAIL {EVENT_FAILS, 0, NULL, 0}
#define AND {JOINED, 0, NULL, 0}
/* The time goes on to t ms; if the server wants to be woken before, it is. */
#define AT(t) {TIME, 0, NULL, t}
#define KNOWN(fact) {SET_KNOWN, fact, NULL, 0}
#define BLOCKS(ms) {SET_BLOCKS, 0, NULL, ms}
#define OUTLOOK(err) {SET_OUTLOOK, 0, NULL, err}
/* Why an attestation could not be had, for getHealth; 0: it could. */
#define TROUBLE(err) {SET_TROUBLE, 0, NULL, err}
#define MAY_NOT_QUOTE(c) {SET_MAY_NOT_QUOTE, c, NULL, 0}
#define OWN_JOB(on) {SET_OWN_JOB, 0, NULL, on}
#define TPM_WAKES(t) {SET_TPM_DEADLINE, 0, NULL, t}
#define REPLY(c, text) {IS_REPLY, c, text, 0} /* is being sent */
#define CLOSED(c, linger) {IS_CLOSED, c, NULL, linger}
#define TURNED_AWAY(c, text) {IS_TURNED_AWAY, c, text, 0} /* with this */
#define OPENED(c) {IS_OPEN, c, NULL, 0} /* and nothing is being sent */
#define JOB(secret) {IS_JOB, secret, NULL, 1} /* is at work, with this credential or nonce */
#define NO_JOB {IS_JOB, 0, NULL, 0}
#define WAITS_UNTIL(t) {IS_DEADLINE, 0, NULL, t}
#define STATE(s) {IS_STATE, s, NULL, 0}
#define NOW(t) {IS_TIME, 0, NULL, t}
/* For a certificate it was looked so often; so often the look was to give way. */
#define LOOKED(times, gave_way) {IS_LOOKS, gave_way, NULL, times}
/* So many replies have led on to an activation. */
#define LED_ON(times) {IS_EXPECTED, 0, NULL, times}
#define LOGGED(text) {IS_LOG, 0, text, 0} /* the last line */

#endif
