/*
 * A session that is ready for the next activation: what salts and authorises it
 * is done before anybody waits for it.
 *
 * One is made when somebody has asked for what comes before an activation, and
 * the TPM has nothing else to do; one at most, and so often that asking again and
 * again costs one in READY_MS. It is used once. If nobody comes for it within READY_MS
 * it is flushed; and at a stop, and when an operation fails, which may be for want
 * of it. It ends with its link.
 */
#ifndef TPM_READY_SESSION_H
#define TPM_READY_SESSION_H

#include "tpm/job.h"

extern const struct operation ready_make_operation;
extern const struct operation ready_flush_operation;

/* No session is ready, and nobody expects one: at the start, and without a link. */
void ready_reset(struct tpm *t);

/* An activation is likely to follow. */
void ready_expect(struct tpm *t, uint64_t now);

/* The TPM has nothing to do. Has the session waited long enough, and is to be flushed? */
bool ready_flush_is_due(struct tpm *t, uint64_t now);
/* ... Is it time to make one? Asked and answered once. */
bool ready_make_is_due(struct tpm *t, uint64_t now);
/* When they may be true next. */
uint64_t ready_deadline(const struct tpm *t);

/* It is to be flushed. Returns false if there is none. */
bool ready_discard(struct tpm *t);

/* An activation begins: t->session is the session that is ready, if one is. */
void ready_take(struct tpm *t);
/* It has ended with this code, and conclude's verdict `err`: is it to be tried again,
 * with a session of its own? */
bool ready_was_to_blame(struct tpm *t, int err, TSS2_RC rc);

#endif
