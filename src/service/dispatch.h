/*
 * The types of requests, in one table: which members each has, what it needs to know of
 * the TPM, what it has the TPM do, and what its reply says.
 *
 * A request names its type in the member "command". Beside it there are TPM commands,
 * which go to the TPM, and subcommands, which are the program's first argument.
 */
#ifndef SERVICE_DISPATCH_H
#define SERVICE_DISPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "tpm/tpm.h"
#include "wire/request.h"

struct request_type {
	char name[20];
	/* Put before the message of an error, because older clients look for it; or NULL. */
	const char *error_prefix;
	unsigned members; /* FIELD_BITs of the members that it looks at */
	/* What must be known of the TPM first: FACT_ bits. If "aik" is among the members,
	 * dispatch_facts adds the fact of that AIK. */
	unsigned facts;
	const struct operation *op; /* what the TPM does; NULL: the facts are the answer */
	bool signs; /* for clients that port_may_quote accepts only */
	bool before_activation; /* such a client is likely to activate a credential next */
	bool is_health; /* answered at once, without the TPM (service/health.h) */
	/* Checks the members and puts them into params, which is zero but for `aik`. Returns
	 * 0, or a negative enum err with the request's culprit set. NULL: nothing to check. */
	int (*check)(struct request *rq, struct request_params *params);
	/* Writes the members of a successful reply. `result` is NULL if there is no `op`. */
	void (*reply)(struct text *reply, const struct identity *id,
		      const struct request_params *params, const struct tpm_result *result);
};

/* Why a request failed, for the reply and the log. */
struct request_error {
	int err;
	const char *field; /* the member of the request that is wrong, or NULL */
};

/*
 * Parses a request line of n bytes, without its line end. On success *type is its
 * type and *params its members, which the caller wipes. On failure, which is returned
 * and put into *error, *type is NULL if the line does not say what is asked for.
 */
int dispatch_parse(const uint8_t *line, size_t n, const struct request_type **type,
		   struct request_params *params, struct request_error *error);

/* What must be known of the TPM for this request: FACT_ bits. */
unsigned dispatch_facts(const struct request_type *type, const struct request_params *params);

/* Writes the whole reply line of a request that succeeded. */
void dispatch_reply(const struct request_type *type, const struct request_params *params,
		    const struct tpm_result *result, struct text *reply);

/* Writes the whole reply line of a request that failed; `type` may be NULL. */
void dispatch_error_reply(const struct request_type *type, struct request_error error,
			  uint32_t tpm_rc, struct text *reply);

#endif
