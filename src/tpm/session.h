/*
 * Sessions: for the endorsement hierarchy's authorisation (endorsementAuth), and for the
 * EK's policy.
 *
 * endorsementAuth never crosses the bus to the TPM: an HMAC session proves that attestd
 * knows it (TPM 2.0 Library part 1, 19.6). That session is unsalted, because the EK, which
 * it would be salted to, may not exist yet. An attacker who records the bus can therefore
 * test guesses offline: the value MUST be random or long (Windows uses 20 random bytes).
 */
#ifndef TPM_SESSION_H
#define TPM_SESSION_H

#include "tpm/job.h"

/* The link was opened: gets endorsementAuth from the port and gives it to ESAPI. */
void session_open(struct tpm *t);

/* The TPM has refused endorsementAuth: asks the port again. Returns true if the value has
 * changed; it is used from now on. */
bool session_renew(struct tpm *t);

/* The link is closed: wipes endorsementAuth. */
void session_close(struct tpm *t);

/*
 * Step: TPM2_StartAuthSession (HMAC), before each command that endorsementAuth
 * authorises. STEP_SKIP if endorsementAuth is empty. The session is t->auth_session.
 */
TSS2_RC session_auth_start(struct tpm *t);
/* The same for any authorisation of the next command; salted to `key`, unless that is
 * ESYS_TR_NONE. Finished by session_auth_finish. */
TSS2_RC session_hmac_start(struct tpm *t, ESYS_TR key);
TSS2_RC session_auth_finish(struct tpm *t);
/* What authorises that command: t->auth_session, or ESYS_TR_PASSWORD if there is none. */
ESYS_TR session_auth(const struct tpm *t);
/* That command has succeeded, and so the TPM has flushed the session: forgets it. */
void session_auth_used(struct tpm *t);

/* Step: TPM2_StartAuthSession (policy), salted to the EK, which MUST be loaded. The session
 * (t->session) encrypts the response of the command that uses it, and ends with that. */
TSS2_RC session_policy_start(struct tpm *t);
TSS2_RC session_policy_finish(struct tpm *t);

/* Step: TPM2_PolicySecret with TPM_RH_ENDORSEMENT on t->session, which is the EK's policy
 * (TCG EK Credential Profile, policy A). Comes after session_auth's step. */
TSS2_RC session_secret_start(struct tpm *t);
TSS2_RC session_secret_finish(struct tpm *t);

#endif
