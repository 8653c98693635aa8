/*
 * What is known of the TPM, and what is loaded in it: shared by the job engine
 * and the operations, each of which owns its own part.
 */
#ifndef TPM_STATE_H
#define TPM_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include <tss2/tss2_esys.h>

#include "tpm/facts.h"
#include "tpm/tpm.h"

/*
 * A primary key of the endorsement hierarchy: how it is made, and how it is had
 * again for each use. Its public area and Name are in the identity.
 */
struct key {
	const TPM2B_PUBLIC *template;
	unsigned hang_on_it; /* facts that are none any more where it is another key */
	ESYS_TR persistent; /* its object at a persistent handle, or ESYS_TR_NONE */
	ESYS_TR loaded; /* its object loaded by the operation at work, or ESYS_TR_NONE */
	TPMS_CONTEXT *saved; /* ESAPI's, or NULL */
};

struct tpm {
	ESYS_CONTEXT *esys; /* NULL while the link is closed */
	unsigned facts; /* FACT_ bits: what is known */
	struct key keys[KEYS];
	ESYS_TR session; /* of the operation at work; flushed by its clean-up */
	struct identity id;
	struct tpm_result result;
	bool answered; /* the operation at work has put there what the client waits for */
	tpm_log_fn *log;

	/* Of the job engine: the key that the step at work is about. */
	enum key_id key;

	/* Of orphan.c: the TPM is full, so that new sessions may be flushed too. */
	bool sweep_fresh;

	/* Of ek.c: ESAPI cannot read what is at 0x81010001. */
	bool ek_skip_persistent;

	/* Of nv.c. */
	struct {
		bool skip; /* ESAPI cannot read the index */
		ESYS_TR index; /* while it is read */
		uint32_t attributes;
		bool as_owner; /* read with the owner's authorisation */
		uint16_t size, chunk, at; /* bytes */
	} nv;

	/* Of credential.c: the credential in hand, and what came of it. */
	struct {
		struct credential credential;
		bool sent; /* what the TPM says now is about the credential */
	} activation;
};

#endif
