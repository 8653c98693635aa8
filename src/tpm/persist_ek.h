/*
 * Makes the EK persistent, or undoes it: the only thing of attestd's that is
 * written to the TPM (TPM2_EvictControl), and only where it was asked for.
 *
 * What is at the persistent handle is the EK if it has the Name of the EK that
 * is known (FACT_EK, which MUST be). Where it is to be evicted that is one that
 * the TPM has made anew: so nothing is taken away but what it makes again.
 */
#ifndef TPM_PERSIST_EK_H
#define TPM_PERSIST_EK_H

#include <stdbool.h>

enum provision_found { PROVISION_UNKNOWN, PROVISION_EMPTY, PROVISION_EK, PROVISION_OTHER };

/* There is one. The first two are the caller's to set, before the EK is known. */
struct provision {
	bool undo, dry_run;
	enum provision_found found; /* at the handle */
	bool done; /* it came to its end; what fails then is no more than clean-up */
	bool sent; /* the command, which the TPM has not refused */
	bool unseen; /* ... nor answered, and nobody has looked since */
	const char *why; /* what stands behind the TPM's refusal, for people; or NULL */
};
extern struct provision provision;

/* Its outcome's err is -ERR_ADDRESS if something else is at the handle. */
struct operation;
extern const struct operation persist_ek_operation;

/* The job at work, which it MUST be part of, ends with the command at work. */
void persist_ek_cut(void);

#endif
