/*
 * Faults that the proxy makes between a client and the TPM. A table has the kinds; a rule
 * says which kind, for which command and how often.
 */
#ifndef TOOLS_FAULT_H
#define TOOLS_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* When a kind of fault acts. */
enum fault_stage {
	FAULT_COMMAND, /* on the command, before the TPM gets it */
	FAULT_BEFORE, /* instead of the TPM */
	FAULT_AFTER, /* on the TPM's response */
};

/* What the client gets. */
enum fault_outcome {
	FAULT_ANSWER, /* what is in the buffer */
	FAULT_SILENCE, /* nothing, ever; the TPM stays busy */
	FAULT_CLOSE, /* its connection is closed */
	FAULT_KILL, /* the client is killed */
};

#define FAULT_ANY 0U /* any command code */
#define FAULT_FOR_EVER 0U /* any number of commands */

struct fault_kind {
	const char *name;
	enum fault_stage stage;
	bool has_value; /* a VALUE follows the kind in the rule */
	/* Changes the response of *n bytes. FAULT_BEFORE: makes one; *n is 0. FAULT_COMMAND:
	 * changes the command, but not its length. */
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
 * Adds a rule, given as words: KIND [VALUE] [CC|*] [N|*] [SKIP]. Returns NULL, or what is
 * wrong with it.
 */
const char *fault_add(char **words, size_t count);
void fault_clear(void);
/*
 * Returns the rule that acts on a command about to be sent, and counts it down; its `kind` is
 * NULL if there is none. Delays are no faults: their sum is in *delay_ms.
 */
struct fault fault_for(uint32_t cc, uint32_t *delay_ms);

#endif
