/*
 * Replies to clients: each is written, logged and sent.
 */
#ifndef SERVICE_RESPOND_H
#define SERVICE_RESPOND_H

#include <stdbool.h>
#include <stdint.h>

#include "service/dispatch.h"
#include "service/health.h"
#include "tpm/tpm.h"

/* To the client's request; `result` is that of its job, or NULL without one. */
void respond_success(unsigned c, const struct tpm_result *result, uint64_t now);

/* `type` is NULL if the request was not understood. */
void respond_error(unsigned c, const struct request_type *type, struct request_error error,
		   uint64_t now);
/* The same, where a job for the client's request has failed. */
void respond_failed_job(unsigned c, const struct tpm_result *result, uint64_t now);

void respond_health(unsigned c, const struct health *health, uint64_t now);

/* To a client that is not let in: sends the error as far as it can be sent at once, and
 * closes the connection. */
void respond_turn_away(unsigned c, int err);

/* Was any reply to a client that was let in an error? */
bool respond_any_error(void);

#endif
