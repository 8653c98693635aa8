/*
 * src/wire/tpm_response.c: the responses of each command that attestd sends pass,
 * and nothing else does.
 */
#include "tpm_responses.h"

#include "err.h"
#include "wire/tpm_response.h"

/* Checks the first n bytes of `response` as the answer to `command`. */
static int check(size_t n)
{
	uint8_t *c = exact(command, command_len);
	uint8_t *r = exact(response, n);
	int e = tpm_response_check(command_shape(c, command_len), r, n);

	free(r);
	free(c);
	return e;
}

#define ASSERT_CHECK(n, want)                                                                     \
	do {                                                                                      \
		int got_ = check(n);                                                              \
		if (got_ != (want)) {                                                             \
			fail_msg("%s with %u sessions, %zu bytes: %s, not %s", k->name, sessions, \
				 (size_t)(n), err_name(got_), err_name(want));                    \
		}                                                                                 \
	} while (0)

#define FOR_EACH_RESPONSE                                                           \
	for (const struct kind *k = kinds; k < kinds + KINDS; k++)                  \
		for (unsigned sessions = 0;                                         \
		     sessions <= k->sessions &&                                     \
		     (make_command(k, sessions), make_response(k, sessions), true); \
		     sessions++)

static void valid_ones_pass(void **state)
{
	(void)state;
	FOR_EACH_RESPONSE
	{
		ASSERT_CHECK(len, 0);
	}
}

static void truncated(void **state)
{
	(void)state;
	FOR_EACH_RESPONSE
	{
		for (size_t cut = 0; cut < len; cut++) {
			set_size(len);
			ASSERT_CHECK(cut, -ERR_TPM_RESPONSE);
			/* The same if the header has the shorter size, but parameters that are
			 * never read may be missing. */
			set_size(cut);
			if (cut < HEADER + (k->handle ? 4U : 0U) || sessions > 0 ||
			    k->parameters != NULL) {
				ASSERT_CHECK(cut, -ERR_TPM_RESPONSE);
			} else {
				ASSERT_CHECK(cut, 0);
			}
		}
	}
}

static void trailing_bytes(void **state)
{
	static const uint8_t authorisation[5] = {0};

	(void)state;
	FOR_EACH_RESPONSE
	{
		for (size_t more = 1; more <= 2 * sizeof authorisation; more++) {
			memset(response + len, 0, more);
			set_size(len);
			ASSERT_CHECK(len + more, -ERR_TPM_RESPONSE);
			set_size(len + more);
			if (sessions > 0 || k->parameters != NULL) {
				ASSERT_CHECK(len + more, -ERR_TPM_RESPONSE);
			}
		}
	}
}

/* Each byte of each length is changed to each other value. */
static void wrong_lengths(void **state)
{
	(void)state;
	FOR_EACH_RESPONSE
	{
		lengths[length_count].at = 2; /* the size in the header */
		lengths[length_count].size = 4;
		for (size_t i = 0; i <= length_count; i++) {
			for (size_t b = 0; b < lengths[i].size; b++) {
				uint8_t *byte = &response[lengths[i].at + b];

				for (unsigned change = 1; change < 256; change++) {
					*byte ^= (uint8_t)change;
					ASSERT_CHECK(len, -ERR_TPM_RESPONSE);
					*byte ^= (uint8_t)change;
				}
			}
		}
	}
}

/* There must be exactly one authorisation for each session. */
static void wrong_number_of_authorisations(void **state)
{
	(void)state;
	for (const struct kind *k = kinds; k < kinds + KINDS; k++) {
		for (unsigned sessions = 1; sessions <= k->sessions; sessions++) {
			make_command(k, sessions);
			for (unsigned other = 0; other <= 3; other++) {
				make_response(k, other);
				response[1] = 0x02;
				if (other == 0) { /* insert parameterSize */
					memmove(response + len - params + 4,
						response + len - params, params);
					len -= params;
					put(response, &len, params, 4);
					len += params;
					set_size(len);
				}
				ASSERT_CHECK(len, other == sessions ? 0 : -ERR_TPM_RESPONSE);
			}
		}
	}
}

/*
 * ESAPI decrypts ActivateCredential's first parameter, a TPM2B, and believes
 * its size: to the end of its buffer, and beyond.
 */
static void encrypted_parameter_stays_inside(void **state)
{
	const struct kind *k = &kinds[KINDS - 1];

	(void)state;
	for (unsigned sessions = 2; sessions <= 3; sessions++) {
		for (unsigned size = 0; size < 65536; size += size < 512 ? 1 : 511) {
			size_t at = HEADER + 4;

			make_command(k, sessions);
			make_response(k, sessions);
			put(response, &at, size, 2);
			ASSERT_CHECK(len, size == params - 2 ? 0 : -ERR_TPM_RESPONSE);
		}
	}
}

static void errors(void **state)
{
	(void)state;
	FOR_EACH_RESPONSE
	{
		size_t at = 0;

		put(response, &at, 0x8001, 2);
		put(response, &at, HEADER, 4);
		put(response, &at, 0x1df, 4);
		ASSERT_CHECK(HEADER, 0);
		response[1] = 0x02; /* a response that is an error never has sessions */
		ASSERT_CHECK(HEADER, -ERR_TPM_RESPONSE);
		response[1] = 0x01;
		for (size_t n = HEADER + 1; n < HEADER + 8; n++) { /* an error is a header alone */
			set_size(n);
			ASSERT_CHECK(n, -ERR_TPM_RESPONSE);
		}
	}
}

/* Codes that a TPM must not send: those of tpm2-tss and of the job engine. */
static void codes(void **state)
{
	static const struct {
		uint32_t rc;
		int want;
	} all[] = {
		{0x922, 0},
		{0xfff, 0},
		{0x000b0143, 0},
		{0x000c0006, 0},
		{0x00070005, -ERR_TPM_RESPONSE}, /* ESAPI's own */
		{0x000a0009, -ERR_TPM_RESPONSE}, /* TSS2_TCTI_RC_TRY_AGAIN */
		{0x000d0001, -ERR_TPM_RESPONSE},
		{0x010b0143, -ERR_TPM_RESPONSE},
		{0xff000922, -ERR_TPM_RESPONSE},
		{0xfffffff0, -ERR_TPM_RESPONSE}, /* STEP_SKIP */
		{0xfffffff1, -ERR_TPM_RESPONSE}, /* STEP_AGAIN */
	};

	(void)state;
	FOR_EACH_RESPONSE
	{
		for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
			size_t at = 0;

			put(response, &at, 0x8001, 2);
			put(response, &at, HEADER, 4);
			put(response, &at, all[i].rc, 4);
			ASSERT_CHECK(HEADER, all[i].want);
		}
	}
}

static void other_tags(void **state)
{
	(void)state;
	FOR_EACH_RESPONSE
	{
		uint16_t right = sessions > 0 ? 0x8002 : 0x8001;

		for (unsigned tag = 0; tag < 65536; tag++) {
			size_t at = 0;

			put(response, &at, tag, 2);
			if (tag != right) {
				ASSERT_CHECK(len, -ERR_TPM_RESPONSE);
			}
		}
		if (k->code != TPM2_CC_CreatePrimary) {
			break;
		}
	}
}

/* QEMU whose TPM 2.0 has gone away answers with `fail`, which says nothing about a version. */
static void tpm12(void **state)
{
	static const uint8_t bad_tag[HEADER] = {0x00, 0xc4, 0, 0, 0, 10, 0, 0, 0, 30};
	static const uint8_t fail[HEADER] = {0x00, 0xc4, 0, 0, 0, 10, 0, 0, 0, 9};

	(void)state;
	FOR_EACH_RESPONSE
	{
		memcpy(response, fail, HEADER);
		ASSERT_CHECK(HEADER, -ERR_TPM_RESPONSE);
		memcpy(response, bad_tag, HEADER);
		ASSERT_CHECK(HEADER, -ERR_TPM_VERSION);
		ASSERT_CHECK(HEADER + 1, -ERR_TPM_RESPONSE);
		ASSERT_CHECK(HEADER - 1, -ERR_TPM_RESPONSE);
	}
}

static void shapes(void **state)
{
	static const uint8_t get_random[] = {0x80, 0x01, 0, 0, 0, 12, 0, 0, 0x01, 0x7b, 0, 8};
	static const uint8_t answer[] = {0x80, 0x01, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0};
	static const uint8_t no_tag[] = {0, 0, 0, 0, 0, 10, 0, 0, 0, 0};
	static const uint8_t error[] = {0x80, 0x01, 0, 0, 0, 10, 0, 0, 0x09, 0x22};
	struct command_shape s = command_shape(get_random, sizeof get_random);

	(void)state;
	assert_int_equal(s.tag, 0x8001);
	assert_int_equal(s.code, 0x17b);
	assert_int_equal(tpm_response_check(s, answer, sizeof answer), 0);
	for (size_t n = 0; n < sizeof get_random; n++) {
		uint8_t *p = exact(get_random, n);

		s = command_shape(p, n);
		assert_int_equal(s.tag, 0);
		assert_int_equal(s.code, 0);
		/* Without a valid command no response is a success. */
		assert_int_equal(tpm_response_check(s, answer, sizeof answer), -ERR_TPM_RESPONSE);
		assert_int_equal(tpm_response_check(s, error, sizeof error), 0);
		assert_int_equal(tpm_response_check(s, no_tag, sizeof no_tag), -ERR_TPM_RESPONSE);
		free(p);
	}
}

/* For a TPM command that attestd does not send, a response with sessions is refused. */
static void unknown_command(void **state)
{
	static const uint8_t answer[] = {0x80, 0x02, 0, 0, 0, 14, 0, 0, 0, 0, 0, 0, 0, 0};
	const struct command_shape s = {.tag = 0x8002, .code = 0x17b, .sessions = 0};

	(void)state;
	assert_int_equal(tpm_response_check(s, answer, sizeof answer), -ERR_TPM_RESPONSE);
}

static void try_check(const uint8_t *p, size_t n, void *arg)
{
	int e = tpm_response_check(*(struct command_shape *)arg, p, n);

	assert_true(e == 0 || e == -ERR_TPM_RESPONSE || e == -ERR_TPM_VERSION);
	tpm_response_check(command_shape(p, n), response, len);
}

static void nothing_is_read_beyond(void **state)
{
	(void)state;
	FOR_EACH_RESPONSE
	{
		struct command_shape shape = command_shape(command, command_len);

		sweep(response, len, try_check, &shape);
		sweep(command, command_len, try_check, &shape);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_ones_pass),
		cmocka_unit_test(truncated),
		cmocka_unit_test(trailing_bytes),
		cmocka_unit_test(wrong_lengths),
		cmocka_unit_test(wrong_number_of_authorisations),
		cmocka_unit_test(encrypted_parameter_stays_inside),
		cmocka_unit_test(errors),
		cmocka_unit_test(codes),
		cmocka_unit_test(other_tags),
		cmocka_unit_test(tpm12),
		cmocka_unit_test(shapes),
		cmocka_unit_test(unknown_command),
		cmocka_unit_test(nothing_is_read_beyond),
	};

	return cmocka_run_group_tests_name("tpm_response", tests, NULL, NULL);
}
