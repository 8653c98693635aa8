/*
 * Faults that the proxy makes between a client and the TPM: a table of kinds,
 * and the rules in force, which name a kind, a command and how often.
 */
#ifndef TOOLS_FAULT_H
#define TOOLS_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* When a kind acts. */
enum fault_stage {
	FAULT_COMMAND, /* on the command, which the TPM gets all the same */
	FAULT_BEFORE, /* instead of the TPM */
	FAULT_AFTER, /* on the TPM's response */
};

/* What becomes of the response. */
enum fault_outcome {
	FAULT_ANSWER, /* send what is in the buffer */
	FAULT_SILENCE, /* send nothing, ever; the TPM stays busy */
	FAULT_CLOSE, /* hang up on the client */
	FAULT_KILL, /* kill it */
};

#define FAULT_ANY 0U /* any command code */
#define FAULT_FOR_EVER 0U /* any number of commands */

struct fault_kind {
	const char *name;
	enum fault_stage stage;
	bool has_value; /* the rule's first word after the kind */
	/* Makes (BEFORE: *n is 0) or changes the response of *n bytes; COMMAND: the
	 * command, whose length stays. */
	enum fault_outcome (*apply)(uint32_t value, uint8_t *rsp, size_t *n);
	const char *help;
};
extern const struct fault_kind fault_kinds[];
extern const size_t fault_kind_count;

struct fault {
	const struct fault_kind *kind;
	uint32_t value;
	uint32_t cc; /* or FAULT_ANY */
	uint32_t left; /* commands to act on, or FAULT_FOR_EVER */
	uint32_t skip; /* matching commands to let pass first */
};

/*
 * Adds the rule "KIND [VALUE] [CC|*] [N|*] [SKIP]", as words. Returns NULL,
 * or what is wrong with it.
 */
const char *fault_add(char **words, size_t count);
void fault_clear(void);
/*
 * The rule for a command that is about to be sent, counted down; its `kind`
 * is NULL if there is none. Delays are taken apart, in *delay_ms.
 */
struct fault fault_for(uint32_t cc, uint32_t *delay_ms);

#endif
