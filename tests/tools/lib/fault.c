/*
 * The kinds of faults, and the rules. For a new kind, add a function and a line in the
 * table.
 */
#include "fault.h"
#include "tpm.h"

#include <stdlib.h>
#include <string.h>

static void header(uint8_t *rsp, uint16_t tag, uint32_t size, uint32_t rc)
{
	rsp[0] = (uint8_t)(tag >> 8);
	rsp[1] = (uint8_t)tag;
	tpm_put32(rsp + 2, size);
	tpm_put32(rsp + 6, rc);
}

static enum fault_outcome answer_rc(uint32_t rc, uint8_t *rsp, size_t *n)
{
	header(rsp, 0x8001, TPM_HEADER, rc);
	*n = TPM_HEADER;
	return FAULT_ANSWER;
}

static enum fault_outcome answer_tag12(uint32_t value, uint8_t *rsp, size_t *n)
{
	(void)value;
	header(rsp, 0x00C4, TPM_HEADER, 9);
	*n = TPM_HEADER;
	return FAULT_ANSWER;
}

static enum fault_outcome hang(uint32_t value, uint8_t *rsp, size_t *n)
{
	(void)value, (void)rsp, (void)n;
	return FAULT_SILENCE;
}

static enum fault_outcome hang_up(uint32_t value, uint8_t *rsp, size_t *n)
{
	(void)value, (void)rsp, (void)n;
	return FAULT_CLOSE;
}

static enum fault_outcome kill_client(uint32_t value, uint8_t *rsp, size_t *n)
{
	(void)value, (void)rsp, (void)n;
	return FAULT_KILL;
}

/* Fewer bytes than the header says; `value` of them are missing. */
static enum fault_outcome cut(uint32_t value, uint8_t *rsp, size_t *n)
{
	(void)rsp;
	*n -= value < *n ? value : *n - 1;
	return FAULT_ANSWER;
}

/* Half of a header. */
static enum fault_outcome cut_header(uint32_t value, uint8_t *rsp, size_t *n)
{
	(void)value, (void)rsp;
	*n = TPM_HEADER / 2;
	return FAULT_ANSWER;
}

/* Truncated, with a header that says the smaller size. */
static enum fault_outcome truncate_body(uint32_t value, uint8_t *rsp, size_t *n)
{
	size_t body = *n - TPM_HEADER;

	*n -= value < body ? value : body;
	tpm_put32(rsp + 2, (uint32_t)*n);
	return FAULT_ANSWER;
}

/* More bytes than the header says. */
static enum fault_outcome lengthen(uint32_t value, uint8_t *rsp, size_t *n)
{
	while (value-- > 0 && *n < TPM_BUFFER)
		rsp[(*n)++] = 0xA5;
	return FAULT_ANSWER;
}

/* The header says a size that is not the number of bytes. */
static enum fault_outcome lie_about_size(uint32_t value, uint8_t *rsp, size_t *n)
{
	(void)n;
	tpm_put32(rsp + 2, value);
	return FAULT_ANSWER;
}

static void fill_with_noise(uint8_t *p, size_t n)
{
	uint32_t x = 0x2545F491U;

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525U + 1013904223U;
		p[i] = (uint8_t)(x >> 24);
	}
}

/* The header of the success, with a meaningless body. */
static enum fault_outcome garbage(uint32_t value, uint8_t *rsp, size_t *n)
{
	(void)value;
	fill_with_noise(rsp + TPM_HEADER, *n - TPM_HEADER);
	return FAULT_ANSWER;
}

static enum fault_outcome noise(uint32_t value, uint8_t *rsp, size_t *n)
{
	(void)value;
	fill_with_noise(rsp, *n);
	return FAULT_ANSWER;
}

/* Overwrites two bytes: a length of 16 bits, or half of one of 32 bits. */
static enum fault_outcome put(uint32_t value, uint8_t *rsp, size_t *n)
{
	uint32_t at = value >> 16;

	if (at + 2 <= *n) {
		rsp[at] = (uint8_t)(value >> 8);
		rsp[at + 1] = (uint8_t)value;
	}
	return FAULT_ANSWER;
}

/* In GetCapability's answer TPM_PT_MANUFACTURER is the first property: behind the
 * header, moreData, TPM_CAP, the count, and its own number. */
static enum fault_outcome maker(uint32_t value, uint8_t *rsp, size_t *n)
{
	const size_t at = 10 + 1 + 4 + 4 + 4;

	if (at + 4 <= *n)
		tpm_put32(rsp + at, value);
	return FAULT_ANSWER;
}

/* Flips the lowest bit of byte `value`. */
static enum fault_outcome flip(uint32_t value, uint8_t *rsp, size_t *n)
{
	if (value < *n)
		rsp[value] ^= 1;
	return FAULT_ANSWER;
}

/* Keeps only the first `value` PCRs of PCR_Read: a TPM may return fewer than were asked for.
 * They are behind the number of banks, which is 1, the bank's algorithm and a length. */
static enum fault_outcome select_few(uint32_t value, uint8_t *cmd, size_t *n)
{
	for (size_t at = TPM_HEADER + 4 + 2 + 1; at < *n; at++) {
		uint8_t kept = 0;

		for (unsigned bit = 1; bit < 0x100; bit <<= 1) {
			if ((cmd[at] & bit) && value > 0) {
				kept |= (uint8_t)bit;
				value--;
			}
		}
		cmd[at] = kept;
	}
	return FAULT_ANSWER;
}

/* Makes a nonce of more than `value` bytes too long for any TPM, so that the TPM refuses it.
 * In Quote and Certify it is behind one or two handles and the authorisations. */
static enum fault_outcome limit_nonce(uint32_t value, uint8_t *cmd, size_t *n)
{
	size_t at = TPM_HEADER + (tpm_u32(cmd + 6) == TPM_CC_Certify ? 8 : 4);

	if (at + 4 > *n || tpm_u32(cmd + at) > *n - at - 4)
		return FAULT_ANSWER;
	at += 4 + tpm_u32(cmd + at);
	if (at + 2 <= *n && ((uint32_t)cmd[at] << 8 | cmd[at + 1]) > value)
		cmd[at] = cmd[at + 1] = 0xFF;
	return FAULT_ANSWER;
}

static enum fault_outcome nothing(uint32_t value, uint8_t *rsp, size_t *n)
{
	(void)value, (void)rsp, (void)n;
	return FAULT_ANSWER;
}

const struct fault_kind fault_kinds[] = {
	{"rc", FAULT_BEFORE, true, answer_rc, "answer the response code VALUE"},
	{"rc-after", FAULT_AFTER, true, answer_rc, "ask, then answer VALUE"},
	{"tag12", FAULT_BEFORE, false, answer_tag12, "answer as a missing TPM 1.2"},
	{"hang", FAULT_BEFORE, false, hang, "answer nothing; the TPM stays busy"},
	{"close", FAULT_BEFORE, false, hang_up, "hang up instead of asking"},
	{"close-after", FAULT_AFTER, false, hang_up, "ask, then hang up"},
	{"kill", FAULT_BEFORE, false, kill_client, "kill the client instead of asking"},
	{"kill-after", FAULT_AFTER, false, kill_client, "ask, then kill the client"},
	{"short", FAULT_AFTER, false, cut_header, "half a header"},
	{"cut", FAULT_AFTER, true, cut, "leave out the last VALUE bytes"},
	{"truncate", FAULT_AFTER, true, truncate_body, "the same, and the size agrees"},
	{"long", FAULT_AFTER, true, lengthen, "VALUE bytes behind the end"},
	{"size", FAULT_AFTER, true, lie_about_size, "the header's size is VALUE"},
	{"garbage", FAULT_AFTER, false, garbage, "a body of noise"},
	{"noise", FAULT_AFTER, false, noise, "noise of the same length"},
	{"put", FAULT_AFTER, true, put, "the 16 bits at VALUE >> 16 are VALUE & 0xffff"},
	{"maker", FAULT_AFTER, true, maker, "TPM_PT_MANUFACTURER, where it comes first, is VALUE"},
	{"few", FAULT_COMMAND, true, select_few, "read the first VALUE of the PCRs"},
	{"nonces", FAULT_COMMAND, true, limit_nonce, "take those of up to VALUE bytes"},
	{"flip", FAULT_AFTER, true, flip, "flip a bit of byte VALUE"},
	{"delay", FAULT_AFTER, true, nothing, "answer VALUE ms later"},
};
const size_t fault_kind_count = sizeof fault_kinds / sizeof *fault_kinds;

#define RULES 32
static struct fault rules[RULES];
static size_t rule_count;

/* Reads a number; "*" is 0. Returns whether the word is one of the two. */
static bool number(const char *word, uint32_t *v)
{
	char *end;

	*v = 0;
	if (strcmp(word, "*") == 0)
		return true;
	*v = (uint32_t)strtoul(word, &end, 0);
	return *word != '\0' && *end == '\0';
}

const char *fault_add(char **words, size_t count)
{
	struct fault f = {0};
	uint32_t *fields[4];
	size_t n = 0;

	for (size_t i = 0; count > 0 && i < fault_kind_count; i++)
		if (strcmp(words[0], fault_kinds[i].name) == 0)
			f.kind = &fault_kinds[i];
	if (f.kind == NULL)
		return "no such kind";
	if (f.kind->has_value)
		fields[n++] = &f.value;
	fields[n++] = &f.cc;
	fields[n++] = &f.left;
	fields[n++] = &f.skip;
	if (count - 1 > n || (f.kind->has_value && count < 2))
		return "wrong number of words";
	for (size_t i = 1; i < count; i++)
		if (!number(words[i], fields[i - 1]))
			return "not a number";
	if (rule_count == RULES)
		return "too many rules";
	rules[rule_count++] = f;
	return NULL;
}

void fault_clear(void)
{
	rule_count = 0;
}

/* Returns whether the rule acts on this command, and counts it down. */
static bool acts(size_t i, uint32_t cc)
{
	struct fault *f = &rules[i];

	if (f->cc != FAULT_ANY && f->cc != cc)
		return false;
	if (f->skip > 0) {
		f->skip--;
		return false;
	}
	return true;
}

struct fault fault_for(uint32_t cc, uint32_t *delay_ms)
{
	struct fault found = {0};

	*delay_ms = 0;
	for (size_t i = 0; i < rule_count;) {
		struct fault *f = &rules[i];
		bool delay = f->kind->apply == nothing;

		if ((!delay && found.kind != NULL) || !acts(i, cc)) {
			i++;
			continue;
		}
		if (delay)
			*delay_ms += f->value;
		else
			found = *f;
		if (f->left == 1)
			memmove(f, f + 1, (--rule_count - i) * sizeof *f);
		else {
			f->left -= f->left > 0;
			i++;
		}
	}
	return found;
}
