/*
 * The TPM as the service sees it: an identity that is known or not, and one
 * job at a time that finds it out, opens a credential, or has an AIK sign.
 *
 * Nothing here blocks while the TPM works (but see port_tpm_arm). The caller
 * calls tpm_run whenever PORT_EVENT_TPM arrives or tpm_deadline() is reached,
 * and after tpm_begin.
 */
#ifndef TPM_TPM_H
#define TPM_TPM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounds.h"
#include "tpm/facts.h"
#include "wire/id_object.h"

/* What the EK's name algorithm (SHA-256) and key (RSA 2048) measure, in bytes. */
#define EK_HMAC_LEN 32
#define EK_KEY_LEN 256

/* The keys that attestd has of a TPM: the EK, and AIKs. */
enum key_index { KEY_EK, KEY_AIK_ECC, KEY_AIK_RSA, KEYS };
/* The fact that such an AIK is known. */
#define FACT_OF_AIK(key) ((key) == KEY_AIK_RSA ? FACT_AIK_RSA : FACT_AIK_ECC)

/* What an AIK has signed. */
struct signed_attest {
	uint8_t attest[ATTEST_MAX]; /* TPMS_ATTEST */
	size_t attest_len;
	uint8_t signature[SIGNATURE_MAX]; /* TPMT_SIGNATURE over it */
	size_t signature_len;
};

/* What everybody may know of a key, as it goes over the wire. */
struct key_public {
	uint8_t tpm[TPM_PUBLIC_MAX]; /* TPM2B_PUBLIC */
	size_t tpm_len;
	uint8_t name[TPM_NAME_MAX]; /* nameAlg and digest, no size */
	size_t name_len;
	/* Of an AIK: how it was made, and TPM2_CertifyCreation by itself. */
	uint8_t creation[CREATION_MAX]; /* TPMS_CREATION_DATA */
	size_t creation_len;
	struct signed_attest created; /* attest_len 0: it was not let */
};

/* What is known of this TPM. Byte strings as they go over the wire. */
struct identity {
	struct key_public keys[KEYS];
	uint8_t ek_spki[SPKI_MAX]; /* SubjectPublicKeyInfo, DER */
	size_t ek_spki_len;
	bool ek_persistent; /* it was found in the TPM, not created */
	uint8_t ek_cert[EK_CERT_MAX]; /* X.509, DER */
	size_t ek_cert_len; /* 0: there is none */
	const char *ek_cert_source; /* "nv", "system", "file"; NULL: there is none */
	char ek_cert_url[EK_URL_MAX]; /* where its maker may have it; "" if that is not known */
	struct {
		uint8_t raw[EK_CHAIN_MAX]; /* with what is between the certificates */
		struct {
			uint16_t at, len; /* X.509, DER, in raw */
		} certs[EK_CHAIN_CERTS];
		unsigned count;
	} ek_chain;
	uint32_t manufacturer; /* TPM_PT_MANUFACTURER: four characters; 0: it does not say */
	uint32_t firmware[2]; /* TPM_PT_FIRMWARE_VERSION_1 and _2 */
};

/* Banks of PCRs, as TPM_ALG_ID (TPM 2.0 Library part 2, 6.3). */
enum pcr_bank {
	BANK_SHA1 = 0x0004,
	BANK_SHA256 = 0x000b,
	BANK_SHA384 = 0x000c,
	BANK_SHA512 = 0x000d
};

/* What a request brings for its operation. */
struct request_params {
	enum key_index aik; /* the one that it is about */
	enum { PARAMS_NONE, PARAMS_CREDENTIAL, PARAMS_NONCE } kind;
	union {
		struct credential credential; /* PARAMS_CREDENTIAL */
		struct { /* PARAMS_NONCE */
			uint8_t nonce[NONCE_MAX];
			size_t nonce_len;
			uint32_t pcrs; /* of a quote: a bit for each, */
			uint16_t bank; /* of this enum pcr_bank */
		} sign;
	} as;
};

/*
 * What a job can do beyond finding facts: TPM2_ActivateCredential, Quote, Certify
 * (of the AIK by itself), with the AIK that the parameters name, whose fact they
 * need.
 */
struct operation;
extern const struct operation activate_operation;
extern const struct operation quote_operation;
extern const struct operation certify_operation;

/* A job's outcome. */
struct tpm_result {
	int err; /* 0 or a negative enum err */
	const char *field; /* the request's member in fault, or NULL */
	uint32_t rc; /* the TPM's response code, or 0 if it is not the TPM's word */
	uint32_t commands; /* how many commands it took */
	uint8_t secret[64]; /* of activate_operation: the opened credential */
	size_t secret_len;
	struct signed_attest sign; /* of quote_operation and certify_operation */
	/* Of quote_operation: the values of the PCRs that were asked for, one behind the
	 * other, in ascending order. */
	uint8_t pcr_values[PCR_COUNT * PCR_MAX];
	size_t pcr_len; /* bytes of each */
};

/* For what is worth a log line: a text, an error or 0, a response code or 0. */
typedef void tpm_log_fn(bool warning, const char *what, int err, uint32_t rc);

/*
 * Starts looking for the TPM at `now`, and to find out who it is. Who asks
 * meanwhile waits for it up to grace_ms. Call once.
 */
void tpm_init(uint64_t now, uint32_t grace_ms, tpm_log_fn *log);

/* Are all of these facts (FACT_ bits) known, and so in tpm_identity()? */
bool tpm_knows(unsigned facts);
const struct identity *tpm_identity(void);

/*
 * Why these facts could not be had now: 0 if they are known, or if nothing is
 * known to be in the way; otherwise a negative enum err, and the TPM's response
 * code behind it or 0.
 */
int tpm_fact_error(unsigned facts, uint64_t now, uint32_t *rc);
/* The device that is open or was last, a static string; NULL: none was. */
const char *tpm_device(void);
/* TPM commands sent since the program started. */
uint32_t tpm_commands(void);

/*
 * Is it of any use to wait for the TPM? 0: yes, it is there, or may still come
 * up; otherwise the negative enum err that says why not.
 */
int tpm_wait_error(uint64_t now);

/* Is the TPM there and no job at work, not even one of the room's own? */
bool tpm_idle(void);

/*
 * Starts a job: finds out what of `facts` is not known yet, then runs `op`, if
 * that is not NULL. MUST be idle. `params` is what the operation works on; it is
 * copied, and wiped when the job is over. The job ends by itself, within bounded
 * time.
 */
void tpm_begin(unsigned facts, const struct operation *op, const struct request_params *params);

/*
 * Looks again for what a reply had to go without, as a job of its own: the EK's
 * certificate, and what an AIK signs when it is made. MUST be idle. For whom else
 * the TPM is needed meanwhile: tpm_give_way ends that job, and no other, with the
 * command at work.
 */
void tpm_look_again(void);
void tpm_give_way(void);

/*
 * Somebody has asked for what comes before an activation: when the TPM has had
 * nothing to do for a moment, the session for that is made (ready.h).
 */
void tpm_expect_activation(uint64_t now);

/* Makes progress; `event`: PORT_EVENT_TPM has arrived. */
void tpm_run(uint64_t now, bool event);

/*
 * The outcome of the job that tpm_begin started, once, or NULL. It comes before
 * the TPM is idle: a success need not wait for the clean-up. Valid until
 * tpm_forget, which wipes it and MUST be called before the next tpm_begin.
 */
const struct tpm_result *tpm_result(void);
void tpm_forget(void);

/* When tpm_run wants to be called at the latest; PORT_NEVER if not at all. */
uint64_t tpm_deadline(void);

/*
 * Begins nothing more of its own. Returns true when nothing is under way any
 * more, and so nothing is left loaded in the TPM.
 */
bool tpm_wind_down(void);

/* Closes the link, wipes everything. */
void tpm_close(void);

#endif
