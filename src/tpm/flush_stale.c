#include <string.h>

#include "bounds.h"
#include "tpm/flush_stale.h"
#include "tpm/link.h"
#include "tpm/primary_key.h"
#include "tpm/response_code.h"
#include "tpm/template.h"
#include "wire/reader.h"

/* So many handles of each kind are looked at; TPMs have slots for three or so. */
#define HANDLES 16

static struct {
	enum { LIST, LOOK, FLUSH } next;
	bool sessions; /* the second round: first come the objects */
	uint32_t at, count;
	uint8_t handles[HANDLES][4]; /* as they go over the wire */
} scan;

static void begin(struct tpm *t)
{
	(void)t;
	memset(&scan, 0, sizeof scan); /* a link may have broken under the last one */
}

/* Not through ESAPI, which knows what it has loaded itself, and no more. */
static TSS2_RC start(struct tpm *t)
{
	/* TPM2_GetCapability(TPM2_CAP_HANDLES, first handle, HANDLES) */
	uint8_t command[22] = {
		0x80, 0x01, 0, 0, 0, sizeof command, 0, 0, 0x01, 0x7a, 0, 0, 0, 1, 0, 0,
		0,    0,    0, 0, 0, HANDLES};

	(void)t;
	command[14] = scan.sessions ? TPM2_HT_LOADED_SESSION : TPM2_HT_TRANSIENT;
	if (scan.next != LIST) {
		command[5] = 14; /* FlushContext, PolicyGetDigest, ReadPublic: of a handle */
		command[9] = scan.next == FLUSH ? 0x65 : scan.sessions ? 0x89 : 0x73;
		memcpy(command + 10, scan.handles[scan.at], 4);
	}
	return link_transmit(command, command[5]);
}

static void take_list(struct reader r)
{
	const uint8_t *handles;

	reader_bytes(&r, 1 + 4); /* moreData, TPM2_CAP_HANDLES */
	scan.at = 0;
	scan.count = reader_u32(&r);
	if (scan.count > HANDLES) {
		scan.count = HANDLES;
	}
	handles = reader_bytes(&r, scan.count * sizeof *scan.handles);
	if (handles == NULL) {
		scan.count = 0;
	} else {
		memcpy(scan.handles, handles, scan.count * sizeof *scan.handles);
	}
}

/* Is this TPM2B_PUBLIC the template's, but for what the TPM put in at its end? */
static bool is_made_from(const TPM2B_PUBLIC *template, size_t unique, struct reader public)
{
	TPM2B_PUBLIC whole = *template;
	uint8_t wanted[TPM_PUBLIC_MAX];
	size_t n;

	if (whole.publicArea.type == TPM2_ALG_RSA) {
		whole.publicArea.unique.rsa.size = (UINT16)unique; /* shorter in some templates */
	}
	return key_marshal(&whole, wanted, &n) == TSS2_RC_SUCCESS && public.n >= n &&
	       memcmp(public.p, wanted, n - unique) == 0;
}

/*
 * A session at its beginning may be anybody's, and so may an HMAC session, which
 * does not tell what it is for: those are spared if they can be, and where attestd
 * itself needs none of their kind.
 */
static bool is_ours(const struct tpm *t, TSS2_RC rc, struct reader r)
{
	static const uint8_t fresh[TPM2_SHA256_DIGEST_SIZE];
	const uint8_t *policy;
	size_t n;

	if (rc != TSS2_RC_SUCCESS) {
		return t->flush_fresh_sessions && t->auth.len > 0 && scan.sessions &&
		       scan.handles[scan.at][0] == TPM2_HT_HMAC_SESSION;
	}
	if (!scan.sessions) {
		return is_made_from(&template_ek, EK_KEY_LEN, r) ||
		       is_made_from(t->keys[KEY_EK].template, EK_KEY_LEN, r) ||
		       is_made_from(&template_aik_rsa, EK_KEY_LEN, r) ||
		       is_made_from(&template_aik_ecc, 2 * (2 + 32), r);
	}
	policy = reader_tpm2b(&r, &n);
	return n == sizeof fresh &&
	       (memcmp(policy, template_ek.publicArea.authPolicy.buffer, n) == 0 ||
		(t->flush_fresh_sessions && memcmp(policy, fresh, n) == 0));
}

static TSS2_RC finish(struct tpm *t)
{
	static uint8_t response[TPM_RESPONSE_MAX];
	size_t n = sizeof response;
	TSS2_RC rc = link_receive(response, &n);
	struct reader r;

	if (rc != TSS2_RC_SUCCESS) {
		return rc;
	}
	r = reader_over(response, n);
	reader_bytes(&r, 2 + 4); /* tag, size */
	rc = reader_u32(&r);
	if (rc_is_retry(rc)) {
		return rc;
	}
	/* What the TPM has against one of them is no reason to spare the next. */
	if (scan.next == LIST) {
		take_list(r);
		scan.next = LOOK;
	} else if (scan.next == LOOK && is_ours(t, rc, r)) {
		scan.next = FLUSH;
	} else {
		scan.next = LOOK;
		scan.at++;
	}
	if (scan.at < scan.count) {
		return STEP_AGAIN;
	}
	scan.next = LIST;
	scan.sessions = !scan.sessions;
	return scan.sessions ? STEP_AGAIN : TSS2_RC_SUCCESS;
}

/* Whatever came of it: what was to be done next is tried. */
static int conclude(struct tpm *t, TSS2_RC rc, bool *stale)
{
	(void)rc;
	(void)stale;
	t->flush_fresh_sessions = false;
	t->facts |= FACT_CLEAN;
	return 0;
}

static const struct step steps[] = {{start, finish, TPM_COMMAND_MS, 0}};

const struct operation flush_stale_operation = {STEPS(steps), .begin = begin, .conclude = conclude};
