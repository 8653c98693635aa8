/*
 * What a TPM may say: through the guard of src/tpm/link.c and ESAPI to the
 * operations that flush what is left of those before, find out who the TPM is and
 * open a credential. The input: a byte (bit 0: the EK is persistent; bit 1: the device
 * is bare; bit 2: and its TPM full; bit 3: the EK's template is in NV; bit 4:
 * endorsementAuth is set; bit 5: keys stay loaded), and answers as tpm_device.h reads them.
 *
 * All digests and HMACs are zero here, on both sides: the input could not guess
 * them, and what lies behind their check would never be tried.
 */
#include "tpm_device.h"

#include "crypto/cipher.h"
#include "crypto/digest.h"
#include "crypto/salt.h"
#include "tpm/aik.h"
#include "tpm/cert.h"
#include "tpm/ek.h"
#include "tpm/heap.h"
#include "tpm/job.h"
#include "tpm/key.h"
#include "tpm/link.h"
#include "tpm/nv.h"
#include "tpm/info.h"
#include "tpm/session.h"
#include "tpm/orphan.h"

/* More than any run takes: 4096 bytes of NV in the smallest pieces, and each
 * command repeated as often as it may be. */
#define COMMANDS_MAX 4096
#define TURNS_MAX 100000

/* ---- crypto, as far as it would be in the way --------------------------- */

/* The linker puts these before the functions (FUZZ_WRAP_tpm). */
TSS2_RC __real_digest_hash_finish(ESYS_CRYPTO_CONTEXT_BLOB **context, uint8_t *out, size_t *n,
				  void *userdata);
TSS2_RC __real_digest_hmac_finish(ESYS_CRYPTO_CONTEXT_BLOB **context, uint8_t *out, size_t *n,
				  void *userdata);
TSS2_RC __wrap_digest_hash_finish(ESYS_CRYPTO_CONTEXT_BLOB **context, uint8_t *out, size_t *n,
				  void *userdata);
TSS2_RC __wrap_digest_hmac_finish(ESYS_CRYPTO_CONTEXT_BLOB **context, uint8_t *out, size_t *n,
				  void *userdata);

TSS2_RC __wrap_digest_hash_finish(ESYS_CRYPTO_CONTEXT_BLOB **context, uint8_t *out, size_t *n,
				  void *userdata)
{
	TSS2_RC rc = __real_digest_hash_finish(context, out, n, userdata);

	memset(out, 0, rc == TSS2_RC_SUCCESS ? *n : 0);
	return rc;
}

TSS2_RC __wrap_digest_hmac_finish(ESYS_CRYPTO_CONTEXT_BLOB **context, uint8_t *out, size_t *n,
				  void *userdata)
{
	TSS2_RC rc = __real_digest_hmac_finish(context, out, n, userdata);

	memset(out, 0, rc == TSS2_RC_SUCCESS ? *n : 0);
	return rc;
}

void salt_prepare(TPM2B_PUBLIC *ek)
{
	MUST(ek->publicArea.unique.rsa.size == EK_KEY_LEN);
}

TSS2_RC salt_random(TPM2B_NONCE *nonce, size_t n, void *userdata)
{
	return cipher_random(nonce, n, userdata);
}

/* RSA itself takes too long. */
TSS2_RC salt_encrypt(TPM2B_PUBLIC *key, size_t in_len, BYTE *in, size_t cap, BYTE *out,
		     size_t *out_len, const char *label, void *userdata)
{
	(void)in;
	(void)userdata;
	MUST(strcmp(label, "SECRET") == 0 && in_len <= sizeof(TPMU_HA));
	*out_len = key->publicArea.unique.rsa.size;
	if (*out_len > cap) {
		return TSS2_ESYS_RC_GENERAL_FAILURE;
	}
	memset(out, 0, *out_len);
	return TSS2_RC_SUCCESS;
}

/* ---- the operations ----------------------------------------------------- */

static struct tpm tpm;

static void log_nothing(bool warning, const char *what, int err, uint32_t rc)
{
	(void)warning;
	(void)rc;
	MUST(what != NULL && (err == 0 || is_error(err)));
}

static void check_identity(void)
{
	const struct identity *id = &tpm.id;

	for (unsigned k = 0; k < KEYS; k++) {
		MUST(id->keys[k].tpm_len <= sizeof id->keys[k].tpm);
		MUST(id->keys[k].name_len <= sizeof id->keys[k].name);
	}
	MUST(id->ek_spki_len <= sizeof id->ek_spki);
	MUST(id->ek_cert_len <= sizeof id->ek_cert);
	MUST(tpm.nv.at <= tpm.nv.size && tpm.nv.size <= EK_CERT_MAX);
	MUST(tpm.nv.object == ESYS_TR_NONE);
	MUST(tpm.auth_session == ESYS_TR_NONE || job_dirty());
	MUST((id->ek_cert_len > 0) == (id->ek_cert_source != NULL));
	MUST(memchr(id->ek_cert_url, '\0', sizeof id->ek_cert_url) != NULL);
	MUST(tpm.result.secret_len <= sizeof tpm.result.secret);
	if (tpm.facts & FACT_EK) {
		/* a modulus may begin with zeros, which DER does not write */
		MUST(id->keys[KEY_EK].tpm_len > EK_KEY_LEN && id->ek_spki_len > 0);
	}
	if (id->ek_cert_len > 0) { /* it is the EK's */
		MUST((tpm.facts & FACT_CERT) && id->ek_cert[0] == 0x30);
		MUST(memmem(id->ek_cert, id->ek_cert_len, ek_modulus(&tpm), EK_KEY_LEN) != NULL);
	}
}

/* Runs an operation to its end. Returns false if nothing can come after it. */
static bool run(const struct operation *op)
{
	enum job_state state;
	unsigned turns = 0;
	uint64_t now = 1000;
	uint32_t rc;
	bool stale;
	int r;

	job_begin(&tpm, op);
	while ((state = job_run(&tpm, now, true)) == JOB_RUNNING) {
		now = job_deadline() > now ? job_deadline() : now;
		MUST(++turns < TURNS_MAX && device.commands < COMMANDS_MAX);
	}
	if (state == JOB_BROKEN) {
		MUST(is_error(job_fault()));
		MUST(link_fault() == 0 || link_fault() == job_fault());
		return false;
	}
	MUST(link_fault() == 0);
	r = job_outcome(&tpm, &rc, &stale);
	MUST(r == 0 || (is_error(r) && rc != 0));
	check_identity();
	return r == 0 && !job_dirty();
}

static void open_link(void)
{
	const char *name;

	MUST(link_open(&name) == 0);
	tpm.esys = link_esys();
	session_open(&tpm);
	nv_begin(&tpm);
}

static void close_link(void)
{
	link_close();
	MUST(!device.open);
	session_close(&tpm);
	tpm.esys = NULL;
	tpm.facts &= ~(unsigned)FACTS_OF_LINK;
	for (unsigned k = 0; k < KEYS; k++) {
		tpm.keys[k].persistent = ESYS_TR_NONE;
		tpm.keys[k].loaded = ESYS_TR_NONE;
	}
	if (device.holds) {
		tpm.facts &= ~(unsigned)FACT_AIK;
	}
}

/* It never fails, but that the link may break. */
static bool run_sweep(void)
{
	unsigned given = device.given;
	bool done;

	tpm.sweep_fresh = device.full;
	orphans_begin(device.full, device.full && device.has_auth);
	done = run(&orphan_operation);
	orphans_end(device.given == given);
	MUST(done ? tpm.facts & FACT_CLEAN : device.given > given);
	return done;
}

static bool run_all(void)
{
	tpm.answered = false;
	return (!device.bare || run_sweep()) && (tpm.facts & FACT_INFO || run(&info_operation)) &&
	       run(&ek_operation) && (tpm.facts & FACT_CERT || run(&cert_operation)) &&
	       (tpm.facts & FACT_AIK || run(&aik_operation)) && run(&credential_operation);
}

static void prepare(struct input *in)
{
	uint8_t kind = input_u8(in);

	memset(&device, 0, sizeof device);
	device.persistent = kind & 1;
	device.bare = kind & 2;
	device.full = kind & 4;
	device.has_template = kind & 8;
	device.has_auth = kind & 16;
	device.holds = kind & 32;
	device.answers = *in;
	memset(&tpm, 0, sizeof tpm);
	tpm.log = log_nothing;
	key_init(&tpm);
	tpm.activation.credential.id_object_len = 2 + EK_HMAC_LEN + 18;
	tpm.activation.credential.id_object[1] = EK_HMAC_LEN;
	tpm.activation.credential.secret_len = EK_KEY_LEN;
}

/* Twice: what is known from the first link is made use of on the second. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {.p = data, .n = size};

	prepare(&in);
	for (int i = 0; i < 2; i++) {
		unsigned given = device.given;
		bool done;

		open_link();
		done = run_all();
		MUST(!done || tpm.answered);
		MUST(done || device.given > 0);
		if (i == 0 && device.given == given) {
			MUST(tpm.id.ek_cert_len == sizeof rsa_certificate);
			MUST(tpm.result.secret_len == 16);
		}
		close_link();
	}
	for (unsigned k = 0; k < KEYS; k++) {
		key_drop(&tpm.keys[k]);
	}
	MUST(heap_used() == 0);
	return 0;
}
