/*
 * The TPM as the service sees it: what is known of its identity, and one job at a
 * time, which finds out more, opens a credential, or has an AIK sign.
 *
 * Nothing here blocks while the TPM works (except where port_tpm_arm returns
 * -ERR_NOTSUP). The caller MUST call tpm_run when PORT_EVENT_TPM arrives, when
 * tpm_deadline() is reached, and after tpm_begin. One thread calls all of this.
 */
#ifndef TPM_TPM_H
#define TPM_TPM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounds.h"
#include "tpm/facts.h"
#include "wire/id_object.h"

/* Lengths in bytes: a digest of the EK's name algorithm (SHA-256), the EK's modulus (RSA 2048). */
#define EK_HMAC_LEN 32
#define EK_KEY_LEN 256

/* The keys that attestd uses: the EK, and two AIKs. */
enum key_index { KEY_EK, KEY_AIK_ECC, KEY_AIK_RSA, KEYS };
/* The fact that this AIK is known. */
#define FACT_OF_AIK(key) ((key) == KEY_AIK_RSA ? FACT_AIK_RSA : FACT_AIK_ECC)

/* What an AIK has signed. */
struct signed_attest {
	uint8_t attest[ATTEST_MAX]; /* TPMS_ATTEST */
	size_t attest_len;
	uint8_t signature[SIGNATURE_MAX]; /* TPMT_SIGNATURE over it */
	size_t signature_len;
};

/* The public parts of a key, in the TPM's own encoding. */
struct key_public {
	uint8_t tpm[TPM_PUBLIC_MAX]; /* TPM2B_PUBLIC */
	size_t tpm_len;
	uint8_t name[TPM_NAME_MAX]; /* nameAlg and digest, no size */
	size_t name_len;
	/* Of an AIK: how it was created, and its own signature over that
	 * (TPM2_CertifyCreation). */
	uint8_t creation[CREATION_MAX]; /* TPMS_CREATION_DATA */
	size_t creation_len;
	struct signed_attest created; /* attest_len is 0 if the TPM refused */
};

/* What is known of this TPM. A length of 0: not known, or not there. */
struct identity {
	struct key_public keys[KEYS];
	uint8_t ek_spki[SPKI_MAX]; /* SubjectPublicKeyInfo, DER */
	size_t ek_spki_len;
	bool ek_persistent; /* it is at EK_PERSISTENT_HANDLE; attestd did not create it */
	uint8_t ek_cert[EK_CERT_MAX]; /* X.509, DER */
	size_t ek_cert_len; /* 0: there is none */
	const char *ek_cert_source; /* "nv", "system", "file"; NULL if there is none */
	char ek_cert_url[EK_URL_MAX]; /* where its maker publishes it; "" if unknown */
	struct {
		uint8_t raw[EK_CHAIN_MAX]; /* as read, with the padding between the certificates */
		struct {
			uint16_t at, len; /* bytes of raw: X.509, DER */
		} certs[EK_CHAIN_CERTS];
		unsigned count;
	} ek_chain;
	uint32_t manufacturer; /* TPM_PT_MANUFACTURER: four characters; 0: unknown */
	uint32_t firmware[2]; /* TPM_PT_FIRMWARE_VERSION_1 and _2 */
};

/* Banks of PCRs: TPM_ALG_SHA1 and so on (TPM 2.0 Library part 2, 6.3). */
enum pcr_bank {
	BANK_SHA1 = 0x0004,
	BANK_SHA256 = 0x000b,
	BANK_SHA384 = 0x000c,
	BANK_SHA512 = 0x000d
};

/* A request's parameters, for its operation. */
struct request_params {
	enum key_index aik; /* to be used */
	enum { PARAMS_NONE, PARAMS_CREDENTIAL, PARAMS_NONCE } kind;
	union {
		struct credential credential; /* PARAMS_CREDENTIAL */
		struct { /* PARAMS_NONCE */
			uint8_t nonce[NONCE_MAX];
			size_t nonce_len;
			uint32_t pcrs; /* of a quote: a bit for each */
			uint16_t bank; /* ... of this enum pcr_bank */
		} sign;
	} as;
};

/*
 * A job's own operation: TPM2_ActivateCredential, TPM2_Quote, or TPM2_Certify of the
 * AIK by itself. Each uses the AIK that the parameters name, whose fact MUST be among
 * the job's.
 */
struct operation;
extern const struct operation activate_operation;
extern const struct operation quote_operation;
extern const struct operation certify_operation;

/* A job's outcome. */
struct tpm_result {
	int err; /* 0 or a negative enum err */
	const char *field; /* the member of the request that is wrong, or NULL */
	uint32_t rc; /* the TPM's response code, or 0 if the error is not the TPM's */
	uint32_t commands; /* TPM commands sent for it */
	uint8_t secret[64]; /* of activate_operation: the opened credential */
	size_t secret_len;
	struct signed_attest sign; /* of quote_operation and certify_operation */
	/* Of quote_operation: the values of the PCRs, in ascending order. */
	uint8_t pcr_values[PCR_COUNT * PCR_MAX];
	size_t pcr_len; /* bytes of each value */
};

/* Writes a log line: a text, a negative enum err or 0, a response code or 0. */
typedef void tpm_log_fn(bool warning, const char *what, int err, uint32_t rc);

/*
 * Starts: tpm_run will open the TPM and find its identity. For grace_ms from `now`
 * a TPM that is not there is expected to appear (tpm_wait_error). Call once.
 */
void tpm_init(uint64_t now, uint32_t grace_ms, tpm_log_fn *log);

/* Are all of these facts (FACT_ bits) known? Then tpm_identity() has them. */
bool tpm_knows(unsigned facts);
const struct identity *tpm_identity(void);

/*
 * Why these facts are not known: a negative enum err, *rc being the TPM's response code
 * or 0. 0 if they are known, or if no attempt to find them has failed.
 */
int tpm_fact_error(unsigned facts, uint64_t now, uint32_t *rc);
/* The name of the device that is open or was last open (static), or NULL. */
const char *tpm_device(void);
/* TPM commands sent since the program started. */
uint32_t tpm_commands(void);

/*
 * The error to answer requests with while there is no TPM: 0 if the TPM is open, or
 * is expected to appear (tpm_init), so that a request may wait; otherwise the negative
 * enum err of the last attempt to open it.
 */
int tpm_wait_error(uint64_t now);

/* Is the TPM open, and no job at work, not even one of attestd's own? */
bool tpm_idle(void);

/*
 * Begins a job for a client: finds those of `facts` that are not known yet, then runs
 * `op`, unless it is NULL. MUST be idle. `params` is copied, and the copy is wiped when
 * the job is over. Every job ends in bounded time, with a tpm_result.
 */
void tpm_begin(unsigned facts, const struct operation *op, const struct request_params *params);

/*
 * Begins a job that no client waits for: looks again for what was missing in the last
 * reply, which is the EK certificate, or an AIK's signature over how it was created.
 * MUST be idle. tpm_give_way ends this job, and no other, after the current TPM command,
 * so that a client's job can begin.
 */
void tpm_look_again(void);
void tpm_give_way(void);

/*
 * A client will probably activate a credential next: when the TPM has been idle for
 * READY_PAUSE_MS, a session for that is made (ready_session.h).
 */
void tpm_expect_activation(uint64_t now);

/* Makes progress. `event`: PORT_EVENT_TPM has arrived. */
void tpm_run(uint64_t now, bool event);

/*
 * The outcome of the job that tpm_begin began, or NULL if it is not there yet. It may be
 * there before tpm_idle(), because a success does not wait for the clean-up. Valid until
 * tpm_forget, which wipes it and MUST be called before the next tpm_begin.
 */
const struct tpm_result *tpm_result(void);
void tpm_forget(void);

/* tpm_run MUST be called at this time, if no event comes first; PORT_NEVER: no time is set. */
uint64_t tpm_deadline(void);

/*
 * attestd is stopping: no more jobs of its own are begun. Returns true once no job is at
 * work and nothing is left loaded in the TPM; may be called again until then.
 */
bool tpm_wind_down(void);

/* Closes the link, wipes everything. */
void tpm_close(void);

#endif
