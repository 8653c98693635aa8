#include "tpm/facts.h"

#include <stddef.h>

#include "tpm/aik.h"
#include "tpm/cert.h"
#include "tpm/chain.h"
#include "tpm/ek.h"
#include "tpm/flush_stale.h"
#include "tpm/info.h"

/* Each finder comes after the finders of the facts that it needs. */
static const struct finder {
	unsigned finds, needs;
	const struct operation *op;
} finders[] = {
	{FACT_CLEAN, 0, &flush_stale_operation},
	{FACT_INFO, FACT_CLEAN, &info_operation},
	{FACT_EK, FACT_CLEAN | FACT_INFO, &ek_operation},
	{FACT_CERT, FACT_EK | FACT_INFO, &cert_operation},
	{FACT_CHAIN, FACT_EK | FACT_INFO, &chain_operation},
	{FACT_AIK_ECC, FACT_EK, &aik_ecc_operation},
	{FACT_AIK_RSA, FACT_EK, &aik_rsa_operation},
};
#define FINDERS (sizeof finders / sizeof *finders)

const struct operation *facts_next_finder(unsigned wanted, unsigned known)
{
	for (size_t i = FINDERS; i-- > 0;) {
		wanted |= (wanted & finders[i].finds) ? finders[i].needs : 0;
	}
	for (size_t i = 0; i < FINDERS; i++) {
		if (wanted & finders[i].finds & ~known) {
			return finders[i].op;
		}
	}
	return NULL;
}
