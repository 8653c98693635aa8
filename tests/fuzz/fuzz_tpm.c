/*
 * A TPM that answers whatever the input says. Its answers go through the guard in
 * src/tpm/link.c and through ESAPI to the operations: flush what an earlier attestd
 * left, identify the TPM, activate a credential, quote, certify, make the EK persistent
 * or evict it.
 *
 * The input's first byte describes the TPM: bit 0: the EK is persistent; bit 1: there
 * is no resource manager; bit 2: the TPM is full; bit 3: the EK's template is in NV;
 * bit 4: endorsementAuth is set; bit 5: keys stay loaded; bit 6: the EK's chain is in
 * NV; bit 7: the PCRs change during every quote. The second byte describes the
 * requests: bit 0: use the RSA AIK; bits 1 and 2: the bank; bits 3 and 4: the PCRs;
 * bits 5 and 6: the nonce; bit 7: the PCRs change once. The rest are answers;
 * tpm_device.h says how they are read.
 */
#include "tpm_crypto.h"
#include "tpm_device.h"

#include "tpm/aik.h"
#include "tpm/cert.h"
#include "tpm/chain.h"
#include "tpm/ek.h"
#include "tpm/flush_stale.h"
#include "tpm/heap.h"
#include "tpm/info.h"
#include "tpm/job.h"
#include "tpm/link.h"
#include "tpm/nv_read.h"
#include "tpm/persist_ek.h"
#include "tpm/primary_key.h"
#include "tpm/ready_session.h"
#include "tpm/session.h"

/* More TPM commands than any run needs: 4096 bytes of NV are read in the smallest pieces, and
 * each command is repeated as often as attestd allows. */
#define COMMANDS_MAX 8192
#define TURNS_MAX 100000

/* ---- the operations ----------------------------------------------------- */

static struct tpm tpm;

static void log_nothing(bool warning, const char *what, int err, uint32_t rc)
{
	(void)warning;
	(void)rc;
	MUST(what != NULL && (err == 0 || is_error(err)));
}

static void check_attest(const struct signed_attest *is)
{
	MUST(is->attest_len <= sizeof is->attest);
	MUST(is->signature_len <= sizeof is->signature);
}

static void check_keys(void)
{
	static const unsigned facts[KEYS] = {FACT_EK, FACT_AIK_ECC, FACT_AIK_RSA};

	for (unsigned k = 0; k < KEYS; k++) {
		const struct key_public *key = &tpm.id.keys[k];

		MUST(key->tpm_len <= sizeof key->tpm);
		MUST(key->name_len <= sizeof key->name);
		MUST(key->creation_len <= sizeof key->creation);
		check_attest(&key->created);
		if (tpm.facts & facts[k]) {
			MUST(key->tpm_len > 0 && key->name_len > 0);
			/* a TPMT_SIGNATURE in one or two TPM2Bs */
			MUST(k == KEY_EK ||
			     (key->creation_len > 0 && key->created.signature_len >= 6));
		}
	}
}

/* The chain's certificates lie one behind the other in the bytes that were read. */
static void check_chain(void)
{
	const struct identity *id = &tpm.id;
	size_t end = 0;

	MUST(id->ek_chain.count <= EK_CHAIN_CERTS);
	MUST(tpm.chain.used <= sizeof id->ek_chain.raw && tpm.chain.index <= CHAIN_INDICES);
	for (unsigned i = 0; i < id->ek_chain.count; i++) {
		size_t at = id->ek_chain.certs[i].at, len = id->ek_chain.certs[i].len;

		MUST(at >= end && len >= 9 && id->ek_chain.raw[at] == 0x30);
		end = at + len;
		MUST(end <= tpm.chain.used);
	}
}

static void check_identity(void)
{
	const struct identity *id = &tpm.id;

	check_keys();
	check_chain();
	check_attest(&tpm.result.sign);
	MUST(id->ek_spki_len <= sizeof id->ek_spki);
	MUST(id->ek_cert_len <= sizeof id->ek_cert);
	MUST(tpm.nv.len <= tpm.nv.size && tpm.nv.size <= tpm.nv.cap);
	MUST(tpm.nv.object == ESYS_TR_NONE);
	MUST(tpm.auth_session == ESYS_TR_NONE || job_dirty());
	MUST((id->ek_cert_len > 0) == (id->ek_cert_source != NULL));
	MUST(memchr(id->ek_cert_url, '\0', sizeof id->ek_cert_url) != NULL);
	MUST(tpm.result.secret_len <= sizeof tpm.result.secret);
	if (tpm.facts & FACT_EK) {
		/* a modulus may begin with zeros, which DER leaves out */
		MUST(id->keys[KEY_EK].tpm_len > EK_KEY_LEN && id->ek_spki_len > 0);
	}
	if (id->ek_cert_len > 0) { /* the certificate has the EK's public key */
		MUST((tpm.facts & FACT_CERT) && id->ek_cert[0] == 0x30);
		MUST(memmem(id->ek_cert, id->ek_cert_len, ek_modulus(&tpm), EK_KEY_LEN) != NULL);
	}
}

/* Only keys that this system keeps loaded are still loaded. */
static void check_loaded(void)
{
	MUST(tpm.session == ESYS_TR_NONE);
	MUST(loaded_sessions() == (tpm.ready.session != ESYS_TR_NONE));
	MUST(loaded.count - loaded_sessions() <= (device.holds ? KEYS : 0));
}

/* The result of the last operation: 0 or a negative enum err ... */
static int outcome;
static TSS2_RC outcome_rc; /* ... and the TPM's response code behind it */

/* Runs an operation to its end. Returns false if no operation can follow it. */
static bool run(const struct operation *op)
{
	enum job_state state;
	unsigned turns = 0;
	uint64_t now = 1000;
	uint32_t rc;
	bool stale;
	int r;

	outcome = -ERR_INTERNAL;
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
	if (!job_dirty()) {
		check_loaded();
	}
	outcome = r;
	outcome_rc = rc;
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
	ready_reset(&tpm);
	tpm.esys = NULL;
	tpm.facts &= ~(unsigned)FACTS_OF_LINK;
	for (unsigned k = 0; k < KEYS; k++) {
		tpm.keys[k].persistent = ESYS_TR_NONE;
		tpm.keys[k].loaded = ESYS_TR_NONE;
	}
	if (device.holds) {
		tpm.facts &= ~(unsigned)FACT_AIKS;
	}
}

/* This operation never fails, but the link may break. */
static bool run_flush_stale(void)
{
	unsigned given = device.given;
	bool done;

	tpm.flush_fresh_sessions = device.full;
	flushing_begin(device.full, device.full && device.has_auth);
	done = run(&flush_stale_operation);
	flushing_end(device.given == given);
	MUST(done ? tpm.facts & FACT_CLEAN : device.given > given);
	return done;
}

/* ---- the requests -------------------------------------------------------- */

/* Tells the TPM, before an operation with an AIK, which parameters it must be given. */
static void expect(enum key_index aik, bool with_nonce)
{
	sign.aik = aik == KEY_AIK_RSA ? LOADED_AIK_RSA : LOADED_AIK_ECC;
	sign.nonce = tpm.params.as.sign.nonce;
	sign.nonce_len = with_nonce ? tpm.params.as.sign.nonce_len : 0;
	sign.pcrs = tpm.params.as.sign.pcrs;
	sign.bank = tpm.params.as.sign.bank;
	sign.quotes = 0;
}

static bool run_aik(enum key_index aik)
{
	expect(aik, false);
	return (tpm.facts & FACT_OF_AIK(aik)) != 0 ||
	       run(aik == KEY_AIK_RSA ? &aik_rsa_operation : &aik_ecc_operation);
}

#include "tpm_ready.h"

static void prepare_sign(uint8_t asked)
{
	static const uint16_t banks[] = {TPM2_ALG_SHA256, TPM2_ALG_SHA1, TPM2_ALG_SHA384,
					 TPM2_ALG_SHA512};
	static const uint32_t pcrs[] = {0x0040ff, 0xffffff, 0x000001, 0x800180};
	static const size_t nonces[] = {20, NONCE_MAX, 1, 32};

	memset(&tpm.params.as, 0, sizeof tpm.params.as);
	tpm.params.kind = PARAMS_NONCE;
	memset(tpm.params.as.sign.nonce, 0x17, NONCE_MAX);
	tpm.params.as.sign.bank = banks[asked >> 1 & 3];
	tpm.params.as.sign.pcrs = pcrs[asked >> 3 & 3];
	tpm.params.as.sign.nonce_len = nonces[asked >> 5 & 3];
	expect(tpm.params.aik, true);
}

/* The PCR values are exactly those that the TPM signed. */
static void check_quote(bool is_good)
{
	static struct bytes values;
	size_t count = 0;

	for (uint32_t left = sign.pcrs; left != 0; left &= left - 1) {
		count++;
	}
	MUST(tpm.result.pcr_len == digest_size(sign.bank));
	MUST(count * tpm.result.pcr_len <= sizeof tpm.result.pcr_values);
	MUST(tpm.result.sign.attest_len > 0 && tpm.result.sign.signature_len > 0);
	MUST(sign.quotes <= 3);
	if (is_good) {
		pcr_values(&values);
		MUST(same_bytes(values.p, values.n, tpm.result.pcr_values,
				count * tpm.result.pcr_len));
	}
}

/* Returns false if no operation can follow it. */
static bool run_quote(uint8_t asked, unsigned changes)
{
	unsigned given = device.given;
	bool done, is_good;

	memset(&tpm.result, 0, sizeof tpm.result);
	prepare_sign(asked);
	sign.changes = changes;
	tpm.answered = false;
	done = run(&quote_operation);
	is_good = device.given == given;
	MUST(sign.quotes <= 3);
	/* the link may break during the clean-up, when the client already has its answer */
	MUST(outcome == 0 ? tpm.answered : outcome == -ERR_INTERNAL || !tpm.answered);
	if (tpm.answered) {
		check_quote(is_good);
		MUST(!is_good || sign.quotes == changes + 1);
	}
	MUST((tpm.result.field != NULL) == (outcome == -ERR_VALUE || outcome == -ERR_NONCE_SIZE));
	if (is_good) {
		MUST(outcome == (!sign_has_bank() ? -ERR_VALUE
				 : changes > 2    ? -ERR_PCRS_CHANGED
						  : 0));
		done = true;
	}
	return done;
}

static bool run_certify(uint8_t asked)
{
	memset(&tpm.result, 0, sizeof tpm.result);
	prepare_sign(asked);
	tpm.answered = false;
	return run(&certify_operation) && tpm.answered;
}

/* What persist_ek reports is true: what it found, and what the TPM answered. */
static bool run_persist_ek(uint8_t asked)
{
	unsigned given = device.given, commands = device.commands;
	bool done;

	persist_ek = (struct persist_ek){.undo = asked & 2, .dry_run = asked & 4};
	done = run(&persist_ek_operation);
	MUST(persist_ek.done == (outcome == 0));
	MUST(!(persist_ek.dry_run && (persist_ek.sent || persist_ek.unseen)));
	MUST(outcome != -ERR_ADDRESS || persist_ek.found == HANDLE_OTHER);
	MUST(outcome != 0 || !persist_ek.unseen);
	MUST(outcome != 0 || persist_ek.dry_run ||
	     persist_ek.found == (persist_ek.undo ? HANDLE_EMPTY : HANDLE_EK));
	if (device.given == given) {
		MUST(done && device.commands > commands);
		MUST(persist_ek.sent ==
		     (!persist_ek.dry_run && device.persistent == persist_ek.undo));
	}
	persist_ek.undo = false; /* with undo set, later operations would not look for the EK */
	return done;
}

static unsigned changes_of(uint8_t kind, uint8_t asked)
{
	return kind & 128 ? 9 : asked & 128 ? 1 : 0;
}

static bool run_all(uint8_t kind, uint8_t asked, bool second)
{
	tpm.params.aik = asked & 1 ? KEY_AIK_RSA : KEY_AIK_ECC;
	return (!device.bare || run_flush_stale()) &&
	       (tpm.facts & FACT_INFO || run(&info_operation)) && run(&ek_operation) &&
	       (tpm.facts & FACT_CERT || run(&cert_operation)) &&
	       (tpm.facts & FACT_CHAIN || run(&chain_operation)) && run_aik(tpm.params.aik) &&
	       run_quote(asked, changes_of(kind, asked)) && run_certify(asked) &&
	       run_ready(second) && run_activation();
}

/* Checks that hold if all answers were good. */
static void check_good(void)
{
	MUST(tpm.id.ek_cert_len == sizeof rsa_certificate);
	MUST(tpm.result.secret_len == 16);
	MUST(tpm.id.ek_chain.count == (device.has_chain ? 2 : 1) && !tpm.chain.incomplete);
}

static void prepare(struct input *in, uint8_t kind)
{
	memset(&device, 0, sizeof device);
	memset(&loaded, 0, sizeof loaded);
	memset(&sign, 0, sizeof sign);
	device.persistent = kind & 1;
	device.bare = kind & 2;
	device.full = kind & 4;
	device.has_template = kind & 8;
	device.has_auth = kind & 16;
	device.holds = kind & 32;
	device.has_chain = kind & 64;
	device.answers = *in;
	memset(&tpm, 0, sizeof tpm);
	tpm.log = log_nothing;
	key_init(&tpm);
	ready_reset(&tpm);
}

/* Runs everything on two links, on the second with the other AIK, so that what the first link
 * made known is used on the second. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {.p = data, .n = size};
	uint8_t kind = input_u8(&in), asked = input_u8(&in);

	prepare(&in, kind);
	for (unsigned i = 0; i < 2; i++) {
		unsigned given = device.given;
		bool done;

		open_link();
		done = run_all(kind, (uint8_t)(asked ^ i), i == 1) &&
		       (device.holds || run_persist_ek((uint8_t)(asked ^ i)));
		MUST(done || device.given > 0);
		if (i == 0 && device.given == given) {
			check_good();
		}
		close_link();
	}
	for (unsigned k = 0; k < KEYS; k++) {
		key_drop(&tpm.keys[k]);
	}
	MUST(heap_used() == 0);
	return 0;
}
