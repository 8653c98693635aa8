/*
 * A policy session that is ready for the next activation, so that no client waits while
 * it is salted and authorised. It saves an activation two TPM commands, or three where
 * endorsementAuth is set.
 *
 *   none ------- ready_expect, and the TPM is idle READY_PAUSE_MS later -> being made
 *   being made - ready_make_operation succeeded -> ready
 *              - it failed -> none, and none is made until an activation has succeeded
 *                           or the link is opened anew
 *   ready ------ an activation begins (ready_take) -> none: the activation has it
 *              - READY_MS have passed, an operation has failed, or attestd stops ->
 *                to be flushed
 *   to be flushed - ready_flush_operation -> none
 *   any state -- the link is closed -> none
 *
 * There is one session at most. None is begun within READY_MS of the last one's beginning
 * or completion, unless an activation has used that: so clients that ask again and again
 * without activating cost the TPM no more than one session in READY_MS.
 */
#ifndef TPM_READY_SESSION_H
#define TPM_READY_SESSION_H

#include "tpm/job.h"

extern const struct operation ready_make_operation;
extern const struct operation ready_flush_operation;

/* There is no session, and none is to be made. For the start, and when the link is closed. */
void ready_reset(struct tpm *t);

/* A client will probably activate a credential next. */
void ready_expect(struct tpm *t, uint64_t now);

/* Must a session be flushed? Marks it so if it has been ready for READY_MS. */
bool ready_flush_is_due(struct tpm *t, uint64_t now);
/* The TPM is idle: must one be made? Returns true once; ready_make_operation MUST follow. */
bool ready_make_is_due(struct tpm *t, uint64_t now);
/* When one of them will return true, if nothing else happens; PORT_NEVER: never. */
uint64_t ready_deadline(const struct tpm *t);

/* Marks the session that is ready as to be flushed. Returns false if there is none. */
bool ready_discard(struct tpm *t);

/* An activation begins: if a session is ready, it becomes t->session. */
void ready_take(struct tpm *t);
/*
 * The operation has ended with this response code and error. Returns true if it used the
 * session that was ready, and should be tried again with a new one, because the error may
 * be that session's. False if the TPM rejected the credential or refused an authorisation,
 * which MUST NOT be repeated.
 */
bool ready_was_to_blame(struct tpm *t, int err, TSS2_RC rc);

#endif
