/*
 * What can be known of a TPM, as bits. Each is found by one operation, which
 * needs others first: the table of finders in tpm.c.
 */
#ifndef TPM_FACTS_H
#define TPM_FACTS_H

enum {
	FACT_CLEAN = 1, /* nothing of ours is left in it from before the link was opened */
	FACT_INFO = 2, /* who made it, and how much of an NV index it gives at once */
	FACT_EK = 4, /* the EK, proven to be this TPM's since the link was opened */
	FACT_CERT = 8, /* whether there is an EK certificate, and which */
	FACT_AIK = 16, /* the AIK, and how it is had again */
};
/* Those that a link that is opened anew knows nothing of. */
#define FACTS_OF_LINK (FACT_CLEAN | FACT_EK)

#endif
