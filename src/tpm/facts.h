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
	FACT_CHAIN = 16, /* the certificates above it */
	FACT_AIK_ECC = 32, /* an AIK, how it was made, and how it is had again */
	FACT_AIK_RSA = 64,
};
#define FACT_AIKS (FACT_AIK_ECC | FACT_AIK_RSA)
/* Those that a link that is opened anew knows nothing of. */
#define FACTS_OF_LINK (FACT_CLEAN | FACT_EK)

#endif
