/*
 * `attestd provision`: makes the EK persistent (TPM2_EvictControl), or with --undo
 * evicts it. Nothing else of attestd's is written to the TPM, and this only when the
 * administrator asks for it.
 *
 * The object at EK_PERSISTENT_HANDLE is the EK if it has the EK's Name. FACT_EK MUST
 * be known. For an eviction, ek.c has the TPM create the EK instead of reading that
 * handle: so only a key that the TPM can create again is ever evicted.
 */
#ifndef TPM_PERSIST_EK_H
#define TPM_PERSIST_EK_H

#include <stdbool.h>

/* What is at EK_PERSISTENT_HANDLE. */
enum handle_content { HANDLE_UNKNOWN, HANDLE_EMPTY, HANDLE_EK, HANDLE_OTHER };

/* The caller sets the first two before the EK is looked for; the operation sets the rest. */
struct persist_ek {
	bool undo; /* evict the EK */
	bool dry_run; /* look, and change nothing */
	enum handle_content found; /* as last seen, or as a successful command left it */
	bool done; /* the operation has succeeded; later errors are about its clean-up only */
	bool sent; /* TPM2_EvictControl was sent, and the TPM has not refused it */
	bool unseen; /* ... nor confirmed it, and the handle was not looked at since */
	const char *why; /* explains the TPM's refusal to a person (static); or NULL */
};
extern struct persist_ek persist_ek;

/* Fails with -ERR_ADDRESS if another object is at the handle. */
struct operation;
extern const struct operation persist_ek_operation;

/* Ends the operation after the current TPM command. It MUST be running. */
void persist_ek_abandon(void);

#endif
