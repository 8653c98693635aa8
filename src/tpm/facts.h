/*
 * What can be known of a TPM, as bits. Each fact is found by one operation, which
 * needs other facts first.
 */
#ifndef TPM_FACTS_H
#define TPM_FACTS_H

enum {
	FACT_CLEAN = 1, /* nothing that attestd loaded before the link was opened is left loaded */
	FACT_INFO = 2, /* who made the TPM, and how much of an NV index it returns at once */
	FACT_EK = 4, /* the EK, proven to be this TPM's since the link was opened */
	FACT_CERT = 8, /* the EK certificate, or that there is none */
	FACT_CHAIN = 16, /* the certificates above it */
	FACT_AIK_ECC = 32, /* an AIK, how it was created, and how it is loaded again */
	FACT_AIK_RSA = 64,
};
#define FACT_AIKS (FACT_AIK_ECC | FACT_AIK_RSA)
/* Void when the link is closed: another TPM may be there next time. */
#define FACTS_OF_LINK (FACT_CLEAN | FACT_EK)

/*
 * The operation to run next so that all of `wanted` become known, where `known`
 * are; NULL if they are all known. (FACT_ bits.)
 */
struct operation;
const struct operation *facts_next_finder(unsigned wanted, unsigned known);

#endif
