#include "tbs_rules.h"

#define HEADER 10U
#define TAG_SESSIONS 0x8002U
#define CONTINUE_SESSION 1U
#define CC_FLUSH_CONTEXT 0x165U
#define CC_GET_CAPABILITY 0x17aU
#define CAP_HANDLES 1U

/*
 * TPM_E_COMMAND_BLOCKED comes as the code of a response, and the call succeeds
 * (tpm2-tss 2421 and 2499, where ESAPI has it without a layer of its own;
 * [others]: a test on real machines compares all ten bytes).
 */
#define BLOCKED 0x80280400U
/*
 * A handle that does not belong to the context is answered with TPM_RC_HANDLE; the
 * command is not sent ([TSS.MSR 87], for objects of a TPM 2.0). [virtual] says
 * TPM_E_INVALID_HANDLE, 0x80280401, but speaks of TPM 1.2 there; tests have
 * the launcher answer that.
 */
#define RC_HANDLE 0x8bU
#define RC_SESSION_HANDLE \
	0x98bU /* of the first authorisation session; + 0x100 for each further one */
#define RC_SIZE 0x095U

/*
 * The list is in the driver and cannot be changed since Windows 10 1809
 * ([blocking]); it was never published. These were seen to work for an elevated
 * caller; what is not here is blocked: ContextSave and ContextLoad ([TSS.MSR
 * 39, 57]), Startup (tpm2-tss 2421), EncryptDecrypt (tpm2-tss 2499), Clear.
 *
 * Callers who are not elevated have a shorter list ([blocking]): ActivateCredential,
 * PCR_Extend and NV_DefineSpace are not on it ([TSS.MSR 127], [others]); reading
 * and keys of one's own are. PolicySecret has been reported by nobody: blocked.
 *
 * Certify is sent by [PCPTool], and both are what Windows itself attests its keys
 * with; its Get-TpmSupportedFeature sends CertifyCreation (swtpm 852 has the bytes).
 * That a program of somebody else's has sent that one nobody has told, only that
 * of almost all commands EncryptDecrypt alone was refused (tpm2-tss 2499): it is
 * let through here, and tests have it refused as well. For who is not elevated
 * neither has been reported: blocked.
 */
static const struct rule {
	uint32_t code;
	uint8_t handles; /* in the command; FlushContext's is a parameter, in that place */
	bool returns; /* a handle */
	bool user; /* for callers who are not elevated, too */
} rules[] = {
	{0x12a, 1, false, false}, /* NV_DefineSpace [TSS.MSR 127] */
	{0x131, 1, true, true}, /* CreatePrimary [NucBox] */
	{0x147, 2, false, false}, /* ActivateCredential [NucBox] */
	{0x148, 2, false, false}, /* Certify [PCPTool] */
	{0x14a, 2, false, false}, /* CertifyCreation (swtpm 852) */
	{0x14e, 2, false, true}, /* NV_Read [NucBox] */
	{0x151, 2, false, false}, /* PolicySecret [NucBox] */
	{0x153, 1, false, true}, /* Create [others] */
	{0x157, 1, true, true}, /* Load [others] */
	{0x158, 1, false, true}, /* Quote [NucBox] */
	{0x15d, 1, false, true}, /* Sign [others] */
	{CC_FLUSH_CONTEXT, 1, false, true}, /* [NucBox] */
	{0x169, 1, false, true}, /* NV_ReadPublic [NucBox] */
	{0x173, 1, false, true}, /* ReadPublic [NucBox] */
	{0x176, 2, true, true}, /* StartAuthSession [NucBox] */
	{CC_GET_CAPABILITY, 0, false, true}, /* [others] */
	{0x17b, 0, false, true}, /* GetRandom [others] */
	{0x17e, 0, false, true}, /* PCR_Read [NucBox] */
	{0x182, 1, false, false}, /* PCR_Extend [others] */
};

static const struct rule *rule_of(uint32_t code)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		if (rules[i].code == code) {
			return &rules[i];
		}
	}
	return NULL;
}

static uint32_t u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++) {
		p[i] = (uint8_t)(v >> (24 - 8 * i));
	}
}

/* ---- handles --------------------------------------------------------- */

static bool is_object(uint32_t handle)
{
	return handle >> 24 == 0x80;
}

static bool is_session(uint32_t handle)
{
	return handle >> 24 == 0x02 || handle >> 24 == 0x03;
}

/* Finds the TPM's handle for one of this context's. Returns false if it is not this context's. */
static bool resolve(const struct tbs_owned *o, uint32_t said, uint32_t *real)
{
	*real = said;
	if (!is_object(said) && !is_session(said)) {
		return true; /* persistent, permanent, NV, PCR: these belong to everybody */
	}
	for (size_t i = 0; i < o->count; i++) {
		if (o->handles[i].said == said) {
			*real = o->handles[i].real;
			return true;
		}
	}
	return false;
}

static void forget(struct tbs_owned *o, uint32_t said)
{
	for (size_t i = 0; i < o->count; i++) {
		if (o->handles[i].said == said) {
			o->handles[i] = o->handles[--o->count];
			return;
		}
	}
}

/*
 * Objects get numbers of ours, of which none comes twice, and none is the
 * TPM's. A session keeps its number for as long as it lives, saved or loaded
 * (TPM 2.0 Library part 1), and that number is part of what an HMAC is over
 * where a policy session is a command's handle; a resource manager that gave
 * it another would break PolicySecret with an HMAC session (tpm2-tss 651).
 * [virtual] says that sessions get virtual handles, but of TPM 1.2's: nobody
 * here can know what TBS does with those of TPM 2.0.
 */
static uint32_t say(uint32_t real)
{
	static uint32_t last = 0x80f00000;

	return is_object(real) ? __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED) : real;
}

static uint32_t own(struct tbs_owned *o, uint32_t real)
{
	uint32_t said = say(real);

	/* Forget what had that number before: the TPM was reset, or the session has ended. */
	for (size_t i = 0; i < o->count; i++) {
		if (o->handles[i].real == real) {
			o->handles[i] = o->handles[--o->count];
			break;
		}
	}
	if (o->count < TBS_OWNED_MAX) {
		o->handles[o->count++] = (struct tbs_handle){said, real};
	}
	return said;
}

/* ---- commands -------------------------------------------------------- */

/*
 * A list of NV indices or persistent keys is the TPM's own: these numbers are
 * nobody's. What is loaded is not for others to see ([virtual], of TPM 1.2's
 * TPM_CAP_KEY_HANDLE: that of the context's own, with their virtual handles);
 * whether TBS answer that for a TPM 2.0 nobody here can know: refused.
 */
static bool lists_what_is_loaded(const uint8_t *p, size_t n)
{
	return n >= HEADER + 8 && u32(p + HEADER) == CAP_HANDLES &&
	       (is_object(u32(p + HEADER + 4)) || is_session(u32(p + HEADER + 4)));
}

/* The sessions that authorise the command, behind its handles. */
static uint32_t enter_sessions(const struct tbs_owned *o, const uint8_t *p, size_t n,
			       struct tbs_command *c)
{
	size_t end, at = 4;

	if (n < 4 || u32(p) > n - 4) {
		return RC_SIZE;
	}
	end = 4 + u32(p);
	for (uint32_t i = 0; at < end; i++) {
		size_t nonce, hmac;
		uint32_t real;

		if (i == TBS_SESSIONS_MAX || end - at < 6) {
			return RC_SIZE;
		}
		nonce = (size_t)p[at + 4] << 8 | p[at + 5];
		if (end - at < 6 + nonce + 3) {
			return RC_SIZE;
		}
		hmac = (size_t)p[at + 6 + nonce + 1] << 8 | p[at + 6 + nonce + 2];
		if (end - at < 6 + nonce + 3 + hmac) {
			return RC_SIZE;
		}
		if (!resolve(o, u32(p + at), &real)) {
			return RC_SESSION_HANDLE + (i << 8);
		}
		if (is_session(real) && !(p[at + 6 + nonce] & CONTINUE_SESSION)) {
			c->ending[c->ending_count++] = u32(p + at);
		}
		at += 6 + nonce + 3 + hmac;
	}
	return 0;
}

uint32_t tbs_enter(const struct tbs_owned *o, bool elevated, uint8_t *p, size_t n,
		   struct tbs_command *c)
{
	const struct rule *rule = rule_of(u32(p + 6));
	size_t at = HEADER;

	*c = (struct tbs_command){.code = u32(p + 6)};
	if (rule == NULL || (!elevated && !rule->user) ||
	    (rule->code == CC_GET_CAPABILITY && lists_what_is_loaded(p, n))) {
		return BLOCKED;
	}
	for (uint32_t i = 1; i <= rule->handles; i++, at += 4) {
		uint32_t real;

		if (n < at + 4) {
			return RC_SIZE;
		}
		if (!resolve(o, u32(p + at), &real)) {
			/* with the number of the handle, or of the parameter */
			return RC_HANDLE | i << 8 | (rule->code == CC_FLUSH_CONTEXT ? 0x40 : 0);
		}
		c->flushed = u32(p + at);
		put32(p + at, real);
	}
	return ((uint32_t)p[0] << 8 | p[1]) == TAG_SESSIONS ? enter_sessions(o, p + at, n - at, c)
							    : 0;
}

void tbs_leave(struct tbs_owned *o, const struct tbs_command *c, uint8_t *p, size_t n)
{
	if (n < HEADER || u32(p + 6) != 0) {
		return; /* sessions of a TPM 2.0 outlive a command that fails */
	}
	if (c->code == CC_FLUSH_CONTEXT) {
		forget(o, c->flushed);
	}
	for (size_t i = 0; i < c->ending_count; i++) {
		forget(o, c->ending[i]);
	}
	if (rule_of(c->code)->returns && n >= HEADER + 4) {
		put32(p + HEADER, own(o, u32(p + HEADER)));
	}
}
