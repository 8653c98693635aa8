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
	/* Its loaded object, or ESYS_TR_NONE: the operation at work's, or, where
	 * port_tpm_holds_keys, there until the link is closed. */
	ESYS_TR loaded;
	TPMS_CONTEXT *saved; /* ESAPI's, or NULL */
	/* What the TPM has to be shown to certify how it made the key. */
	TPM2B_DIGEST creation_hash;
	TPMT_TK_CREATION ticket;
};

/* The NV indices that are read (TCG EK Credential Profile, 2.2.1.4). */
enum nv_index { NV_EK_CERT, NV_EK_NONCE, NV_EK_TEMPLATE, NV_EK_CHAIN, NV_INDICES };

/* The indices of the EK's chain: from the handle of NV_EK_CHAIN on (2.2.1.5.2). */
#define CHAIN_INDICES 256

struct tpm {
	ESYS_CONTEXT *esys; /* NULL while the link is closed */
	unsigned facts; /* FACT_ bits: what is known */
	struct key keys[KEYS];
	struct identity id;
	struct params params; /* what the job's own operation works on */
	struct tpm_result result;
	bool answered; /* the operation at work has put there what the client waits for */
	tpm_log_fn *log;

	/* Of the job engine: what the step at work is about (struct step). */
	unsigned about;
	enum key_id aik; /* the AIK that the operation is about, if it is about one */
	/* The step at work has sent what the client brought: what the TPM says now
	 * may be about that. */
	bool sent;

	/* Of session.c. */
	ESYS_TR session; /* satisfies the EK's policy; of the operation at work */
	ESYS_TR auth_session; /* shows endorsementAuth; of the next command */
	struct {
		uint8_t value[AUTH_MAX];
		size_t len; /* 0: it is empty */
		int error; /* why the port does not give it, or 0 */
	} auth;

	/* Of ready_session.c: the next activation's session. */
	struct {
		ESYS_TR session; /* it waits; or ESYS_TR_NONE */
		bool over; /* it waits for nobody any more, and is to be flushed */
		bool taken; /* the activation at work has it, or had it */
		bool failed; /* making it did, since an activation succeeded */
		uint64_t make_at; /* when one is made; PORT_NEVER: none is */
		uint64_t over_at; /* then it has waited long enough; before, no other is made */
	} ready;

	/* Of info.c. */
	uint16_t nv_chunk; /* bytes of an NV index to be read at once */

	/* Of flush_stale.c: the TPM is full, so that new sessions may be flushed too. */
	bool sweep_fresh;

	/* Of ek.c. */
	bool ek_skip_persistent; /* ESAPI cannot read what is at 0x81010001 */
	unsigned ek_told; /* what the log says is ignored: a bit for each nv_index */
	TPM2B_PUBLIC ek_template; /* what the TPM's NV says, where it does */

	/* Of nv_read.c: the index that is read, or was read last. */
	struct {
		unsigned skip; /* ESAPI cannot read these: a bit for each nv_index */
		ESYS_TR object; /* while it is read */
		TSS2_RC rc; /* why it could not be read, or 0 */
		uint32_t attributes;
		bool as_owner; /* read with the owner's authorisation */
		uint16_t size, chunk, at; /* bytes */
		uint8_t *to; /* where they are put */
		uint16_t cap;
		bool cut; /* it holds more than there is room for */
		uint8_t data[EK_CERT_MAX]; /* `to`, unless somebody wants it elsewhere */
	} nv;

	/* Of cert.c: what the log says of the certificate. */
	int cert_logged;

	/* Of chain.c. */
	struct {
		uint8_t there[CHAIN_INDICES / 8]; /* indices that exist: a bit for each */
		unsigned index; /* the one that is read, from 0 */
		uint16_t used; /* bytes of the identity's */
		bool lost; /* something in them is no certificate, or cannot be read */
	} chain;

	/* Those that ESAPI cannot read: as chain.there. */
	uint8_t chain_skip[CHAIN_INDICES / 8];

	/* Of quote.c. */
	struct {
		unsigned rounds; /* quotes whose PCRs had changed by the time they were read */
		uint32_t unread; /* PCRs, a bit for each */
		uint8_t digest[32]; /* of all values, as quoted */
		int refusal; /* what STEP_REFUSE means: a negative enum err */
	} quote;
};

#endif
