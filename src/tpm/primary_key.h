/*
 * What attestd does with a primary key of the endorsement hierarchy, as steps
 * of operations. Each is about the key that its step names.
 */
#ifndef TPM_PRIMARY_KEY_H
#define TPM_PRIMARY_KEY_H

#include "tpm/job.h"

/* TPMS_RSA_PARMS's 0 means this. */
#define KEY_RSA_EXPONENT 65537U

/* None of the keys is there yet. */
void key_init(struct tpm *t);

/* TPM2_ContextLoad of the saved key; STEP_SKIP if there is nothing to load. */
TSS2_RC key_load_start(struct tpm *t);
TSS2_RC key_load_finish(struct tpm *t);

/* session_auth_start, if the key is to be created; goes before that. */
TSS2_RC key_auth_start(struct tpm *t);

/*
 * TPM2_CreatePrimary from the key's template, with empty authorisations, and
 * what there is to know of it; STEP_SKIP if it is there already.
 */
TSS2_RC key_create_start(struct tpm *t);
TSS2_RC key_create_finish(struct tpm *t);

/* TPM2_ContextSave; STEP_SKIP if it is saved, or need not be. */
TSS2_RC key_save_start(struct tpm *t);
TSS2_RC key_save_finish(struct tpm *t);

/* The key's object for a command: persistent, loaded, or ESYS_TR_NONE. */
ESYS_TR key_object(const struct tpm *t, enum key_index id);

/* The Name of an object of ESAPI's, as ESAPI computes it of the public area, to buf
 * (TPM_NAME_MAX bytes): 0 or an ESAPI code, *len being 0. */
TSS2_RC key_name(const struct tpm *t, ESYS_TR object, uint8_t *buf, size_t *len);

/*
 * The public area and Name of the key's object are what the replies say from
 * now on. If it is another key than before, facts that hang on it are none any
 * more. TSS2_ESYS_RC_MALFORMED_RESPONSE if it is no key of the template's kind.
 */
TSS2_RC key_learn(struct tpm *t, enum key_index id, const TPM2B_PUBLIC *public);

/*
 * Does this code, which ended an operation with keys, say that they are not what
 * they were (TPM reset, cleared, EK evicted)? A TPM that says that it failed may
 * only have disliked what the client sent.
 */
bool key_is_stale(const struct tpm *t, TSS2_RC rc);

/* Frees the saved context and forgets it. */
void key_drop(struct key *key);

/* Marshals a TPM2B_PUBLIC to buf (TPM_PUBLIC_MAX bytes): 0 or an ESAPI code. */
TSS2_RC key_marshal(const TPM2B_PUBLIC *public, uint8_t *buf, size_t *len);

#endif
