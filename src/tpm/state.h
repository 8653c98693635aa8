/*
 * What attestd knows of the TPM, and what is loaded in it. There is one, in tpm.c;
 * the job engine and the operations are given it. Each file uses its own part, and
 * the parts that are common to all.
 */
#ifndef TPM_STATE_H
#define TPM_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include <tss2/tss2_esys.h>

#include "tpm/facts.h"
#include "tpm/tpm.h"

/*
 * A primary key of the endorsement hierarchy: how it is made, and how it is made
 * available for each use. Its public area and Name are in struct identity.
 */
struct key {
	const TPM2B_PUBLIC *template;
	unsigned dependent_facts; /* FACT_ bits that are void when this becomes another key */
	ESYS_TR persistent; /* its object at a persistent handle, or ESYS_TR_NONE */
	/* Its loaded object, or ESYS_TR_NONE. It is flushed when the operation ends, or,
	 * where port_tpm_holds_keys, when the link is closed. */
	ESYS_TR loaded;
	TPMS_CONTEXT *saved; /* from TPM2_ContextSave, freed with Esys_Free; or NULL */
	/* TPM2_CertifyCreation needs these two. */
	TPM2B_DIGEST creation_hash;
	TPMT_TK_CREATION ticket;
};

/* The NV indices that are read; nv_read.c has their handles. */
enum nv_index { NV_EK_CERT, NV_EK_NONCE, NV_EK_TEMPLATE, NV_EK_CHAIN, NV_INDICES };

/* The EK's chain may use so many indices, from NV_EK_CHAIN's handle on
 * (TCG EK Credential Profile, 2.2.1.5.2). */
#define CHAIN_INDICES 256

struct tpm {
	ESYS_CONTEXT *esys; /* NULL while the link is closed */
	unsigned facts; /* FACT_ bits: what is known */
	struct key keys[KEYS];
	struct identity id;
	struct request_params params; /* of the request that the job is for */
	struct tpm_result result;
	bool answered; /* the operation has put all that the client waits for into `result` */
	tpm_log_fn *log;

	/* Of job.c. */
	unsigned target; /* of the current step (struct step) */
	enum key_index aik; /* the AIK that the current operation uses, if it uses one */
	/* The current step has sent data of the client's: the TPM's response code may be
	 * about these. */
	bool client_data_sent;

	/* Of session.c; both are the current operation's. */
	ESYS_TR session; /* the policy session that satisfies the EK's policy */
	ESYS_TR auth_session; /* the HMAC session that authorises the next command */
	struct {
		uint8_t value[AUTH_MAX]; /* endorsementAuth */
		size_t len; /* 0: it is empty */
		int error; /* of port_endorsement_auth */
	} auth;

	/* Of ready_session.c: the session that is ready for the next activation. */
	struct {
		ESYS_TR session; /* ESYS_TR_NONE: no session is ready */
		bool to_flush; /* it is ready, and will not be used */
		bool taken; /* the current job's activation has used it */
		bool make_failed; /* the last time; until an activation succeeds */
		uint64_t make_at; /* when to make one; PORT_NEVER: do not */
		uint64_t expires_at; /* flushed then if unused; before that, no other is made */
	} ready;

	/* Of info.c: how many bytes TPM2_NV_Read can return at once. */
	uint16_t nv_chunk;

	/* Of flush_stale.c: the TPM is full; flush unused sessions too, whoever's they are. */
	bool flush_fresh_sessions;

	/* Of ek.c. */
	bool ek_handle_unreadable; /* ESAPI cannot read what is at EK_PERSISTENT_HANDLE */
	unsigned ek_logged; /* indices that the log says are ignored: a bit for each nv_index */
	TPM2B_PUBLIC ek_template; /* from the TPM's NV, if it is there */

	/* Of nv_read.c: the index that is being read, or was read last. */
	struct {
		unsigned unreadable; /* ESAPI cannot read these: a bit for each nv_index */
		ESYS_TR object; /* the index, while it is open; or ESYS_TR_NONE */
		TSS2_RC rc; /* the TPM's reason why it could not be read, or 0 */
		uint32_t attributes; /* TPMA_NV */
		bool as_owner; /* read with the owner's authorisation */
		uint16_t size; /* bytes to read in all */
		uint16_t chunk; /* bytes to read at once */
		uint16_t len; /* bytes read so far */
		uint8_t *dest; /* where they go */
		uint16_t cap; /* bytes that fit there */
		bool truncated; /* the index holds more than that */
		uint8_t data
			[EK_CERT_MAX]; /* `dest` points here unless nv_read.h's caller sets it */
	} nv;

	/* Of cert.c: why there is no certificate, as last logged; 0: nothing logged. */
	int cert_logged;

	/* Of chain.c. */
	struct {
		uint8_t exists[CHAIN_INDICES / 8]; /* a bit for each index */
		unsigned index; /* the one that is read, from 0 */
		uint16_t used; /* bytes of id.ek_chain.raw */
		bool incomplete; /* part of it is no certificate, cannot be read, or does not fit */
	} chain;
	uint8_t chain_unreadable[CHAIN_INDICES / 8]; /* ESAPI cannot read these: as `exists` */

	/* Of quote.c. */
	struct {
		unsigned rounds; /* quotes whose PCRs had changed before they were read */
		uint32_t unread; /* PCRs whose values are still to be read: a bit for each */
		uint8_t digest[32]; /* over all values, as the TPM has signed it */
		int refusal; /* why a step returned STEP_REFUSE: a negative enum err */
		const char *refused; /* ... and the request's member, as tpm_result.field */
	} quote;
};

#endif
