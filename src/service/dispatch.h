/*
 * The commands: what each knows of a request, what it needs of the TPM, and what
 * it replies.
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
	/* Stands before each error's message, for clients that know it so; or NULL. */
	const char *error_prefix;
	unsigned members; /* those of a request that it knows: FIELD_BIT */
	/* What it needs to be known of the TPM: FACT_ bits. Where it knows the member
	 * "aik", that AIK's comes on top (dispatch_facts). */
	unsigned facts;
	const struct operation *op; /* what it does then; NULL: it is answered from memory */
	bool signs; /* only for who may quote (port_may_quote) */
	bool before_activation; /* who asks for it is likely to activate a credential next */
	bool is_health; /* it is about attestd: whatever the TPM does (service/health.h) */
	/* Puts what the members say into params, which is zero but for the AIK. Returns
	 * 0, or a negative enum err with the request's culprit set. NULL: says nothing. */
	int (*check)(struct request *rq, struct request_params *params);
	/* The members of a successful reply; `result` is NULL without an `op`. */
	void (*reply)(struct text *reply, const struct identity *id,
		      const struct request_params *params, const struct tpm_result *result);
};

/* What went wrong with a request, for its reply and the log. */
struct request_error {
	int err;
	const char *field; /* the request's member in fault, or NULL */
};

/*
 * Understands a request line of n bytes (without its line end). On success
 * *type is what is asked, and *params what it brought, which the caller
 * wipes. On failure -ERR_..., *error says the same, and *type is the command if
 * it was understood, else NULL.
 */
int dispatch_parse(const uint8_t *line, size_t n, const struct request_type **type,
		   struct request_params *params, struct request_error *error);

/* What such a request needs to be known of the TPM: FACT_ bits. */
unsigned dispatch_facts(const struct request_type *type, const struct request_params *params);

/* Writes the whole reply line of a request that succeeded. */
void dispatch_reply(const struct request_type *type, const struct request_params *params,
		    const struct tpm_result *result, struct text *reply);

/* Writes the whole reply line of a request that failed; command may be NULL. */
void dispatch_error_reply(const struct request_type *type, struct request_error error,
			  uint32_t tpm_rc, struct text *reply);

#endif
