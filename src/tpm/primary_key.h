/*
 * Creates, saves and loads a primary key of the endorsement hierarchy (the EK, an AIK),
 * as steps of an operation. Their target is an enum key_index.
 */
#ifndef TPM_PRIMARY_KEY_H
#define TPM_PRIMARY_KEY_H

#include "tpm/job.h"

/* The default exponent, which TPMS_RSA_PARMS writes as 0 (TPM 2.0 Library part 2, 12.2.3.5). */
#define KEY_RSA_EXPONENT 65537U

/* For the start: no key is known. Fills in the templates (template.h). */
void key_init(struct tpm *t);

/* TPM2_ContextLoad of the saved context; STEP_SKIP if there is none, or the key stays loaded. */
TSS2_RC key_load_start(struct tpm *t);
TSS2_RC key_load_finish(struct tpm *t);

/* session_auth_start, if the key is to be created; comes before key_create_start. */
TSS2_RC key_auth_start(struct tpm *t);

/*
 * TPM2_CreatePrimary from the key's template, with an empty authorisation, and key_learn;
 * STEP_SKIP if the key has an object already.
 */
TSS2_RC key_create_start(struct tpm *t);
TSS2_RC key_create_finish(struct tpm *t);

/* TPM2_ContextSave; STEP_SKIP if the key is saved already, or stays loaded, or is
 * persistent. */
TSS2_RC key_save_start(struct tpm *t);
TSS2_RC key_save_finish(struct tpm *t);

/* The key's object, for a command: the persistent one, the loaded one, or ESYS_TR_NONE. */
ESYS_TR key_object(const struct tpm *t, enum key_index id);

/* Writes the Name of ESAPI's object to buf (TPM_NAME_MAX bytes); ESAPI has computed it from
 * the public area. Returns 0 or an ESAPI code, *len being 0. */
TSS2_RC key_name(const struct tpm *t, ESYS_TR object, uint8_t *buf, size_t *len);

/*
 * Puts the public area and the Name of the key's object into the identity. If it is
 * another key than before, the facts that depend on it become unknown. Returns
 * TSS2_ESYS_RC_MALFORMED_RESPONSE if the key is not of its template's kind.
 */
TSS2_RC key_learn(struct tpm *t, enum key_index id, const TPM2B_PUBLIC *public);

/*
 * May this code, which ended an operation that uses keys, mean that the keys have changed
 * (TPM reset, TPM cleared, EK evicted)? If client data was sent, only "no such handle"
 * means that: other errors may be about the data.
 */
bool key_is_stale(const struct tpm *t, TSS2_RC rc);

/* Frees the saved context; key->saved is NULL then. */
void key_drop(struct key *key);

/* Marshals a TPM2B_PUBLIC to buf (TPM_PUBLIC_MAX bytes). Returns 0, or an ESAPI code, *len
 * being 0. */
TSS2_RC key_marshal(const TPM2B_PUBLIC *public, uint8_t *buf, size_t *len);

#endif
