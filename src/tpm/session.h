/*
 * Authorisations that attestd shows to the TPM: endorsementAuth, and the EK's
 * policy.
 *
 * endorsementAuth never crosses the bus: where it is set, an HMAC session shows
 * that it is known. That session is unsalted, for the EK may not be there yet:
 * who taps the bus could try out guesses, so that the value has to be random or
 * long (Windows' are 20 random bytes).
 */
#ifndef TPM_SESSION_H
#define TPM_SESSION_H

#include "tpm/job.h"

/* The link was opened: what the port knows of endorsementAuth. */
void session_open(struct tpm *t);

/* The TPM has refused endorsementAuth: is it another by now? It is used then. */
bool session_renew(struct tpm *t);

/* The link is closed: wipes what session_open has left. */
void session_close(struct tpm *t);

/*
 * TPM2_StartAuthSession, HMAC, as a step before each command that the hierarchy
 * authorises; STEP_SKIP where endorsementAuth is empty.
 */
TSS2_RC session_auth_start(struct tpm *t);
/* The same for whatever authorises the next command; salted to that key, unless it
 * is ESYS_TR_NONE. */
TSS2_RC session_hmac_start(struct tpm *t, ESYS_TR key);
TSS2_RC session_auth_finish(struct tpm *t);
/* For that command: the session, or ESYS_TR_PASSWORD. */
ESYS_TR session_auth(const struct tpm *t);
/* That command has succeeded: the TPM has ended the session. */
void session_auth_used(struct tpm *t);

/* TPM2_StartAuthSession: a policy session, salted to the EK, which encrypts the
 * response of the command that uses it, and ends with that. */
TSS2_RC session_policy_start(struct tpm *t);
TSS2_RC session_policy_finish(struct tpm *t);

/* TPM2_PolicySecret(endorsement), which is the EK's policy. */
TSS2_RC session_secret_start(struct tpm *t);
TSS2_RC session_secret_finish(struct tpm *t);

#endif
