/*
 * What the EK's and the AIK's operations share: a primary key in the
 * endorsement hierarchy, created once and kept as a saved context.
 */
#ifndef TPM_KEY_H
#define TPM_KEY_H

#include "tpm/job.h"

/* TPM2_CreatePrimary from the template, with empty authorisations. */
TSS2_RC key_create_start(struct tpm *t, const TPM2B_PUBLIC *template);
/* *public is ESAPI's, to be freed with Esys_Free; NULL on failure. */
TSS2_RC key_create_finish(struct tpm *t, ESYS_TR *object, TPM2B_PUBLIC **public);

/* TPM2_ContextSave into *saved, whose former value is freed. */
TSS2_RC key_save_finish(struct tpm *t, TPMS_CONTEXT **saved);

/* TPM2_ContextLoad's answer: *object is set on success only. */
TSS2_RC key_load_finish(struct tpm *t, ESYS_TR *object);

/* Frees a saved context and forgets it. */
void key_drop(TPMS_CONTEXT **saved);

/* Marshals a TPM2B_PUBLIC to buf (TPM_PUBLIC_MAX bytes): 0 or an ESAPI code. */
TSS2_RC key_marshal(const TPM2B_PUBLIC *public, uint8_t *buf, size_t *len);

#endif
