#include <string.h>

#include "bounds.h"
#include "tpm/flush_stale.h"
#include "tpm/link.h"
#include "tpm/primary_key.h"
#include "tpm/response_code.h"
#include "tpm/template.h"
#include "wire/reader.h"

/* So many handles of each kind are looked at. A TPM has room for about three. */
#define HANDLES 16

static struct {
	enum { LIST, LOOK, FLUSH } next;
	bool sessions; /* objects come first, then sessions */
	uint32_t at, count; /* of handles */
	uint8_t handles[HANDLES][4]; /* big-endian */
} scan;

static void begin(struct tpm *t)
{
	(void)t;
	memset(&scan, 0, sizeof scan); /* the last scan may have ended with a broken link */
}

/* Big-endian. */
#define U16(x) (uint8_t)((x) >> 8), (uint8_t)(x)
#define U32(x) U16((x) >> 16), U16((x) & 0xffffU)

/* Bytes of a command: the header, then one handle, or TPM2_GetCapability's parameters. */
#define HEADER 10
#define WITH_HANDLE (HEADER + 4)
#define WITH_CAPABILITY (HEADER + 12)

/* Not through ESAPI, which only knows objects that it has loaded itself. */
static TSS2_RC start(struct tpm *t)
{
	uint8_t command[WITH_CAPABILITY] = {U16(TPM2_ST_NO_SESSIONS),
					    U32(WITH_CAPABILITY),
					    U32(TPM2_CC_GetCapability),
					    U32(TPM2_CAP_HANDLES),
					    TPM2_HT_TRANSIENT,
					    0,
					    0,
					    0,
					    U32(HANDLES)};
	TPM2_CC code = scan.next == FLUSH ? TPM2_CC_FlushContext
		       : scan.sessions    ? TPM2_CC_PolicyGetDigest
					  : TPM2_CC_ReadPublic;

	(void)t;
	if (scan.next != LIST) {
		command[5] = WITH_HANDLE;
		command[9] = (uint8_t)code; /* the other bytes are GetCapability's, too */
		memcpy(command + HEADER, scan.handles[scan.at], 4);
	} else if (scan.sessions) {
		command[HEADER + 4] = TPM2_HT_LOADED_SESSION;
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

/* Is this TPM2B_PUBLIC equal to the template, except for the `unique` bytes at its end? */
static bool is_made_from(const TPM2B_PUBLIC *template, size_t unique, struct reader public)
{
	TPM2B_PUBLIC whole = *template;
	uint8_t wanted[TPM_PUBLIC_MAX];
	size_t n;

	if (whole.publicArea.type == TPM2_ALG_RSA) {
		/* Some templates have a shorter one. */
		whole.publicArea.unique.rsa.size = (UINT16)unique;
	}
	return key_marshal(&whole, wanted, &n) == TSS2_RC_SUCCESS && public.n >= n &&
	       memcmp(public.p, wanted, n - unique) == 0;
}

/*
 * A policy session without a policy yet may be another program's, and so may any HMAC
 * session. These are flushed only if the TPM is full, and HMAC sessions only where attestd
 * needs them itself.
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
	/* If the TPM refuses for one handle, the next follows all the same. */
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

/* Even after an error, the job goes on: the next operation may have room enough. */
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
