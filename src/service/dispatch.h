/*
 * The commands: what each needs of the TPM, and what it replies.
 */
#ifndef SERVICE_DISPATCH_H
#define SERVICE_DISPATCH_H

#include <stddef.h>
#include <stdint.h>

#include "tpm/tpm.h"
#include "wire/text.h"

struct command {
	const char *name;
	unsigned facts; /* what it needs to be known of the TPM: FACT_ bits */
	const struct operation *op; /* what it does then; NULL: it is answered from memory */
	/* Stands before each error's message. */
	const char *error_prefix;
	/* The members of a successful reply. */
	void (*members)(struct text *reply, const struct identity *id,
			const struct tpm_result *result);
};

/* What went wrong with a request, for its reply and the log. */
struct refusal {
	int err;
	const char *field; /* the request's member in fault, or NULL */
};

/*
 * Understands a request line of n bytes (without its line end). On success
 * *command is what is asked, and *credential what activateCredential brought;
 * the caller wipes it. On failure -ERR_..., *why says the same, and *command
 * is the command if it was understood, else NULL.
 */
int dispatch_parse(const uint8_t *line, size_t n, const struct command **command,
		   struct credential *credential, struct refusal *why);

/* Writes the whole reply line of a request that succeeded. `result` may be
 * NULL if the command needed only what is known. */
void dispatch_reply(const struct command *command, const struct tpm_result *result,
		    struct text *reply);

/* Writes the whole reply line of a request that failed; command may be NULL. */
void dispatch_refuse(const struct command *command, struct refusal why, uint32_t tpm_rc,
		     struct text *reply);

#endif
