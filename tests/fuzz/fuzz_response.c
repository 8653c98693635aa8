/*
 * src/wire/response.c. The input: a command behind its size, then a response.
 * What passes is checked once more, by hand.
 */
#include "fuzz.h"

#include "wire/response.h"

#define HEADER 10

static uint32_t be(const uint8_t *p, size_t n)
{
	uint32_t v = 0;

	while (n-- > 0) {
		v = v << 8 | *p++;
	}
	return v;
}

/* TPM_CC of CreatePrimary, ContextLoad and StartAuthSession: the response has a handle. */
static size_t handle_len(uint32_t code)
{
	return code == 0x131 || code == 0x161 || code == 0x176 ? 4 : 0;
}

/* Steps over the response's authorisations: where the last one ends. */
static size_t sessions_end(const uint8_t *p, size_t n, size_t at, unsigned sessions)
{
	for (unsigned i = 0; i < sessions; i++) {
		MUST(n - at >= 5);
		at += 2 + be(p + at, 2) + 1; /* nonce, attributes */
		MUST(at <= n && n - at >= 2);
		at += 2 + be(p + at, 2); /* acknowledgment */
		MUST(at <= n);
	}
	return at;
}

static void check_accepted(struct command_shape shape, const uint8_t *p, size_t n)
{
	size_t at;
	uint32_t params;

	MUST(n >= HEADER && be(p + 2, 4) == n);
	if (be(p + 6, 4) != 0) {
		MUST(n == HEADER && be(p, 2) == RESPONSE_TAG_PLAIN);
		MUST(be(p + 6, 2) == 0 || be(p + 6, 2) == 11 || be(p + 6, 2) == 12);
		return;
	}
	MUST(be(p, 2) == shape.tag);
	MUST(shape.tag != 0);
	at = HEADER + handle_len(shape.code);
	MUST(n >= at);
	if (shape.tag != RESPONSE_TAG_SESSIONS) {
		return;
	}
	MUST(n >= at + 4);
	params = be(p + at, 4);
	at += 4;
	MUST(params <= n - at);
	if (shape.code == 0x147) { /* ActivateCredential: one TPM2B */
		MUST(params >= 2 && params == 2 + be(p + at, 2));
	}
	MUST(sessions_end(p, n, at + params, shape.sessions) == n);
}

/* What is shorter or longer than it says is not taken. */
static void check_other_length(struct command_shape shape, const uint8_t *p, size_t n)
{
	uint8_t *longer = exact(NULL, n + 1);
	uint8_t *shorter = exact(p, n - 1);

	memcpy(longer, p, n);
	MUST(response_check(shape, longer, n + 1) == -ERR_TPM_RESPONSE);
	MUST(response_check(shape, shorter, n - 1) == -ERR_TPM_RESPONSE);
	free(shorter);
	free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {.p = data, .n = size};
	struct input given = input_bytes(&in);
	uint8_t *command = exact(given.p, given.n);
	uint8_t *response = exact(in.p, in.n);
	struct command_shape shape = command_shape(command, given.n);
	int e = response_check(shape, response, in.n);

	if (shape.tag != 0 || shape.code != 0) {
		MUST(given.n >= HEADER && be(command, 2) == shape.tag);
		MUST(be(command + 2, 4) == given.n && be(command + 6, 4) == shape.code);
	}
	MUST(shape.sessions == 0 || shape.tag == RESPONSE_TAG_SESSIONS);
	MUST(shape.sessions * 9 <= given.n);
	if (e == 0) {
		check_accepted(shape, response, in.n);
		check_other_length(shape, response, in.n);
	} else if (e == -ERR_TPM_VERSION) {
		MUST(be(response, 2) == RESPONSE_TAG_TPM12 && be(response + 2, 4) == in.n);
	} else {
		MUST(e == -ERR_TPM_RESPONSE);
	}
	free(response);
	free(command);
	return 0;
}
