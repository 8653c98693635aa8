/*
 * One valid response to each TPM command that attestd sends, with each possible number
 * of sessions. The tests of src/wire/tpm_response.c start from them.
 */
#ifndef TESTS_TPM_RESPONSES_H
#define TESTS_TPM_RESPONSES_H

#include "unit.h"

#include "wire/tpm_constants.h"

#define HEADER 10
/* The byte that all data consists of. Taken for a size, it is larger than any response. */
#define DATA 0xee

/*
 * The parameters of each response as in part 3 of the specification, one character
 * each: see fill_parameters.
 */
static const struct kind {
	const char *name;
	uint32_t code;
	unsigned handles; /* of the command */
	unsigned sessions; /* the largest number that is tried */
	bool handle; /* the response has one */
	const char *parameters; /* NULL: attestd reads none of them */
} kinds[] = {
	{"GetCapability of properties", TPM2_CC_GetCapability, 0, 1, false, "1ap"},
	{"GetCapability of handles", TPM2_CC_GetCapability, 0, 1, false, "1hq"},
	{"GetCapability of no handles", TPM2_CC_GetCapability, 0, 1, false, "1hn"},
	{"ReadPublic", TPM2_CC_ReadPublic, 1, 1, false, "LBB"},
	{"NV_ReadPublic", TPM2_CC_NV_ReadPublic, 1, 1, false, "BB"},
	{"NV_Read", TPM2_CC_NV_Read, 2, 2, false, "L"},
	{"CreatePrimary", TPM2_CC_CreatePrimary, 1, 2, true, "LBB24BB"},
	{"CreatePrimary with an empty ticket", TPM2_CC_CreatePrimary, 1, 2, true, "LBB24EB"},
	{"ContextSave", TPM2_CC_ContextSave, 1, 0, false, "844L"},
	{"ContextLoad", TPM2_CC_ContextLoad, 0, 0, true, ""},
	{"FlushContext", 0x165, 0, 0, false, NULL},
	{"EvictControl", TPM2_CC_EvictControl, 2, 1, false, ""},
	{"StartAuthSession", TPM2_CC_StartAuthSession, 2, 1, true, "B"},
	{"PolicySecret", TPM2_CC_PolicySecret, 2, 2, false, "E24E"},
	{"PolicySecret with a ticket", TPM2_CC_PolicySecret, 2, 2, false, "B24B"},
	{"Certify by RSA", TPM2_CC_Certify, 2, 2, false, "Br"},
	{"Certify by ECC", TPM2_CC_Certify, 2, 2, false, "Be"},
	{"CertifyCreation by RSA", TPM2_CC_CertifyCreation, 2, 1, false, "Br"},
	{"CertifyCreation by ECC", TPM2_CC_CertifyCreation, 2, 1, false, "Be"},
	{"Quote by RSA", TPM2_CC_Quote, 1, 1, false, "Br"},
	{"Quote by ECC", TPM2_CC_Quote, 1, 1, false, "Be"},
	{"PCR_Read", TPM2_CC_PCR_Read, 0, 0, false, "4sd"},
	{"PCR_Read of no bank", TPM2_CC_PCR_Read, 0, 1, false, "4nn"},
	{"ActivateCredential", TPM2_CC_ActivateCredential, 2, 3, false, "B"},
};
#define KINDS (sizeof kinds / sizeof *kinds)

static uint8_t command[256];
static size_t command_len;
static uint8_t response[2048];
static size_t len;
static size_t params; /* the length of the parameters in it */
/* The places of all lengths in the response, without the one in the header. */
static struct {
	size_t at, size;
} lengths[24];
static size_t length_count;

static inline void put(uint8_t *p, size_t *at, uint64_t value, size_t size)
{
	for (size_t i = size; i > 0; i--) {
		p[*at + i - 1] = (uint8_t)value;
		value >>= 8;
	}
	*at += size;
}

static inline void fill(uint8_t *p, size_t *at, uint8_t byte, size_t n)
{
	memset(p + *at, byte, n);
	*at += n;
}

static inline void put_length(uint64_t value, size_t size)
{
	lengths[length_count].at = len;
	lengths[length_count].size = size;
	length_count++;
	put(response, &len, value, size);
}

static inline void set_size(size_t n)
{
	size_t at = 2;

	put(response, &at, n, 4);
}

static inline void make_command(const struct kind *k, unsigned sessions)
{
	size_t at = 2;

	command_len = 0;
	put(command, &command_len, sessions > 0 ? 0x8002 : 0x8001, 2);
	put(command, &command_len, 0, 4);
	put(command, &command_len, k->code, 4);
	for (unsigned i = 0; i < k->handles; i++) {
		put(command, &command_len, 0x80000000 + i, 4);
	}
	if (sessions > 0) {
		put(command, &command_len, 9 + (sessions - 1) * 57, 4);
	}
	for (unsigned i = 0; i < sessions; i++) { /* a password first, then policy sessions */
		size_t n = i == 0 ? 0 : 16;

		put(command, &command_len, i == 0 ? 0x40000009 : 0x03000000, 4);
		put(command, &command_len, n, 2);
		fill(command, &command_len, DATA, n);
		put(command, &command_len, 1, 1);
		put(command, &command_len, 2 * n, 2);
		fill(command, &command_len, DATA, 2 * n);
	}
	fill(command, &command_len, DATA, 12);
	put(command, &at, command_len, 4);
}

static inline void fill_tpm2b(size_t n)
{
	put_length(n, 2);
	fill(response, &len, DATA, n);
}

static inline void fill_signature(uint16_t algorithm)
{
	put_length(algorithm, 2); /* the algorithm decides the length of the rest */
	put(response, &len, 0x000b, 2);
	fill_tpm2b(algorithm == 0x0014 ? 64 : 32);
	if (algorithm == 0x0018) {
		fill_tpm2b(32);
	}
}

/* The count of a list. */
static inline void fill_list(char kind, unsigned count)
{
	put_length(count, 4);
	for (unsigned i = 0; i < count; i++) {
		if (kind == 'd') {
			fill_tpm2b(32);
		} else if (kind == 's') {
			put(response, &len, 0x000b, 2);
			put_length(3, 1);
			fill(response, &len, DATA, 3);
		} else {
			fill(response, &len, DATA, kind == 'q' ? 4 : 8);
		}
	}
}

/*
 * A digit: so many bytes. B: a TPM2B, L: a long one, E: an empty one. r, e: the
 * TPMT_SIGNATURE of an RSA or ECC key. a, h: TPM_CAP_TPM_PROPERTIES, TPM_CAP_HANDLES.
 * s: two selections of PCRs; d: eight digests; p: two properties; q: three handles; n:
 * an empty list.
 */
static inline void fill_parameters(const char *kind)
{
	size_t start = len;

	for (; *kind != '\0'; kind++) {
		if (*kind <= '9') {
			fill(response, &len, DATA, (size_t)(*kind - '0'));
		} else if (*kind == 'r' || *kind == 'e') {
			fill_signature(*kind == 'r' ? 0x0014 : 0x0018);
		} else if (*kind == 'a' || *kind == 'h') {
			put(response, &len, *kind == 'a' ? 6 : 1, 4);
		} else if (strchr("sdpqn", *kind) != NULL) {
			fill_list(*kind, *kind == 'n'   ? 0
					 : *kind == 'd' ? 8
					 : *kind == 'q' ? 3
							: 2);
		} else {
			fill_tpm2b(*kind == 'L' ? 260 : *kind == 'B' ? 20 : 0);
		}
	}
	params = len - start;
}

static inline void make_response(const struct kind *k, unsigned sessions)
{
	len = 0;
	length_count = 0;
	put(response, &len, sessions > 0 ? 0x8002 : 0x8001, 2);
	fill(response, &len, 0, 8);
	if (k->handle) {
		put(response, &len, 0x80000001, 4);
	}
	if (sessions > 0) {
		put_length(0, 4);
	}
	fill_parameters(k->parameters == NULL ? "4" : k->parameters);
	if (sessions > 0) {
		size_t at = HEADER + (k->handle ? 4 : 0);

		put(response, &at, params, 4);
	}
	for (unsigned i = 0; i < sessions; i++) {
		size_t n = i == 0 ? 0 : 32;

		put_length(n, 2);
		fill(response, &len, DATA, n);
		put(response, &len, 1, 1);
		put_length(n, 2);
		fill(response, &len, DATA, n);
	}
	set_size(len);
}

#endif
