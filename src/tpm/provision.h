/*
 * Makes the EK persistent, or undoes it: the only thing of attestd's that is
 * written to the TPM (TPM2_EvictControl), and only where it was asked for.
 *
 * The EK, which MUST be known (FACT_EK), is at its persistent handle if the
 * public area of what is there is the EK's, to the last bit. Where it is to be
 * evicted it is made once more before, and compared with that: so nothing is
 * taken away but what this TPM makes again.
 */
#ifndef TPM_PROVISION_H
#define TPM_PROVISION_H

#include <stdbool.h>

enum provision_found { PROVISION_UNKNOWN, PROVISION_EMPTY, PROVISION_EK, PROVISION_OTHER };

/* There is one. The first two are the caller's to set, before tpm_begin. */
struct provision {
	bool undo, dry_run;
	enum provision_found found; /* what was at the handle when it was looked at last */
	bool done; /* it came to its end; what fails then is no more than clean-up */
	bool sent; /* the command, which the TPM has not refused */
	bool unseen; /* ... and nobody has looked since */
	const char *why; /* what stands behind the TPM's refusal, for people; or NULL */
};
extern struct provision provision;

/* Its outcome's err is -ERR_ADDRESS if something else is at the handle. */
struct operation;
extern const struct operation provision_operation;

/* The job at work, which it MUST be part of, ends with the command at work. */
void provision_cut(void);

#endif
