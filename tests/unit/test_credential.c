#include "credential_bytes.h"

#include "err.h"
#include "wire/id_object.h"
#include "wire/request.h"

static struct request rq;
static struct credential out;

static void give(enum request_field f, const void *p, size_t n)
{
	rq.field[f] = (struct request_bytes){.p = p, .n = n};
}

static void nothing_given(void)
{
	memset(&rq, 0, sizeof(rq));
}

static int credential(const char *culprit)
{
	static const struct credential zero;
	int e;

	memset(&out, 0xa5, sizeof(out));
	e = credential_from_request(&rq, HMAC_LEN, EK_LEN, &out);
	if (e == 0) {
		struct bytes want = contents(HMAC_LEN, 18);

		assert_null(rq.culprit);
		assert_null(culprit);
		assert_int_equal(out.id_object_len, want.n);
		assert_memory_equal(out.id_object, want.p, want.n);
		assert_int_equal(out.secret_len, EK_LEN);
		assert_memory_equal(out.secret, secret, EK_LEN);
	} else {
		assert_memory_equal(&out, &zero, sizeof(out));
		assert_non_null(culprit);
		assert_non_null(rq.culprit);
		assert_string_equal(rq.culprit, culprit);
	}
	return e;
}

static void from_hmac_and_enc(void **state)
{
	struct bytes blob = tpm2b(contents(HMAC_LEN, 18));

	(void)state;
	nothing_given();
	give(FIELD_HMAC, hmac, HMAC_LEN);
	give(FIELD_ENC, enc, sizeof(enc));
	give(FIELD_ENCRYPTED_SECRET, secret, EK_LEN);
	assert_int_equal(credential(NULL), 0);
	/* with credential_blob as well: the same ID object, and bytes that are no ID object */
	give(FIELD_CREDENTIAL_BLOB, blob.p, blob.n);
	assert_int_equal(credential(NULL), 0);
	give(FIELD_CREDENTIAL_BLOB, blob.p + 2, blob.n - 2);
	assert_int_equal(credential(NULL), 0);
	give(FIELD_CREDENTIAL_BLOB, blob.p, blob.n - 1);
	assert_int_equal(credential(NULL), 0);
	give(FIELD_CREDENTIAL_BLOB, "", 0);
	assert_int_equal(credential(NULL), 0);
	give(FIELD_CREDENTIAL_BLOB, "certificate", 11);
	assert_int_equal(credential(NULL), 0);
}

static void refuses_contradictions(void **state)
{
	struct bytes blob = tpm2b(contents(HMAC_LEN, 18));
	struct bytes shorter = tpm2b(contents(HMAC_LEN, 17));

	(void)state;
	nothing_given();
	give(FIELD_HMAC, hmac, HMAC_LEN);
	give(FIELD_ENC, enc, sizeof(enc));
	give(FIELD_ENCRYPTED_SECRET, secret, EK_LEN);
	give(FIELD_CREDENTIAL_BLOB, blob.p, blob.n);
	for (size_t i = 4; i < blob.n; i++) {
		blob.p[i] ^= 1;
		assert_int_equal(credential("credential_blob"), -ERR_CREDENTIAL_CONFLICT);
		blob.p[i] ^= 1;
		rq.culprit = NULL;
	}
	assert_int_equal(credential(NULL), 0);
	give(FIELD_CREDENTIAL_BLOB, shorter.p, shorter.n);
	assert_int_equal(credential("credential_blob"), -ERR_CREDENTIAL_CONFLICT);
}

static void from_blob(void **state)
{
	struct bytes blob = tpm2b(contents(HMAC_LEN, 18));
	struct bytes prefixed = {.n = 0};

	(void)state;
	add_u16(&prefixed, EK_LEN);
	add(&prefixed, secret, EK_LEN);
	for (size_t skip = 0; skip <= 2; skip += 2) {
		nothing_given();
		give(FIELD_CREDENTIAL_BLOB, blob.p + skip, blob.n - skip);
		give(FIELD_ENCRYPTED_SECRET, secret, EK_LEN);
		assert_int_equal(credential(NULL), 0);
		give(FIELD_ENCRYPTED_SECRET, prefixed.p, prefixed.n);
		assert_int_equal(credential(NULL), 0);
	}
	give(FIELD_CREDENTIAL_BLOB, blob.p, blob.n - 1);
	assert_int_equal(credential("credential_blob"), -ERR_CREDENTIAL);
}

static void from_one(struct bytes (*form)(struct bytes contents, size_t secret_len))
{
	struct bytes whole = form(contents(HMAC_LEN, 18), EK_LEN);
	struct bytes small = form(contents(HMAC_LEN, 18), EK_LEN - 1);
	struct bytes none = form(contents(HMAC_LEN, 18), 0);
	uint8_t other[EK_LEN];

	nothing_given();
	give(FIELD_CREDENTIAL_BLOB, whole.p, whole.n);
	assert_int_equal(credential(NULL), 0);
	give(FIELD_HMAC, hmac, HMAC_LEN);
	give(FIELD_ENC, enc, sizeof(enc));
	assert_int_equal(credential(NULL), 0);
	give(FIELD_ENCRYPTED_SECRET, secret, EK_LEN);
	assert_int_equal(credential(NULL), 0);
	/* a secret that differs in one byte, for each byte */
	give(FIELD_ENCRYPTED_SECRET, other, EK_LEN);
	for (size_t i = 0; i < EK_LEN; i++) {
		memcpy(other, secret, EK_LEN);
		other[i] ^= 0x80;
		assert_int_equal(credential("encrypted_secret"), -ERR_SECRET_CONFLICT);
		rq.culprit = NULL;
	}
	/* its secret has the wrong size, alone and beside one that is right */
	nothing_given();
	give(FIELD_CREDENTIAL_BLOB, small.p, small.n);
	assert_int_equal(credential("credential_blob"), -ERR_SECRET_SIZE);
	give(FIELD_ENCRYPTED_SECRET, secret, EK_LEN);
	assert_int_equal(credential("credential_blob"), -ERR_SECRET_SIZE);
	give(FIELD_CREDENTIAL_BLOB, none.p, none.n);
	assert_int_equal(credential("credential_blob"), -ERR_SECRET_SIZE);
}

static void from_file(void **state)
{
	(void)state;
	from_one(file);
}

static void from_pair(void **state)
{
	(void)state;
	from_one(pair);
}

static void refuses_missing_members(void **state)
{
	struct bytes blob = tpm2b(contents(HMAC_LEN, 18));

	(void)state;
	nothing_given();
	assert_int_equal(credential("credential_blob"), -ERR_FIELDS);
	give(FIELD_ENCRYPTED_SECRET, secret, EK_LEN);
	assert_int_equal(credential("credential_blob"), -ERR_FIELDS);
	give(FIELD_HMAC, hmac, HMAC_LEN);
	assert_int_equal(credential("enc"), -ERR_FIELDS);
	give(FIELD_CREDENTIAL_BLOB, blob.p, blob.n);
	assert_int_equal(credential("enc"), -ERR_FIELDS);
	give(FIELD_HMAC, NULL, 0);
	give(FIELD_ENC, enc, sizeof(enc));
	assert_int_equal(credential("hmac"), -ERR_FIELDS);
	nothing_given();
	give(FIELD_CREDENTIAL_BLOB, blob.p, blob.n);
	assert_int_equal(credential("encrypted_secret"), -ERR_FIELDS);
	nothing_given();
	give(FIELD_HMAC, hmac, HMAC_LEN);
	give(FIELD_ENC, enc, sizeof(enc));
	assert_int_equal(credential("encrypted_secret"), -ERR_FIELDS);
}

static void refuses_wrong_sizes(void **state)
{
	uint8_t zeros[600] = {0};

	(void)state;
	nothing_given();
	give(FIELD_ENC, enc, sizeof(enc));
	give(FIELD_ENCRYPTED_SECRET, secret, EK_LEN);
	for (size_t n = 0; n <= 66; n++) {
		rq.culprit = NULL;
		give(FIELD_HMAC, n == HMAC_LEN ? hmac : zeros, n);
		if (n == HMAC_LEN) {
			assert_int_equal(credential(NULL), 0);
		} else {
			assert_int_equal(credential("hmac"), -ERR_HMAC_SIZE);
		}
	}
	give(FIELD_HMAC, hmac, HMAC_LEN);
	for (size_t n = 0; n <= 80; n++) {
		int e;

		rq.culprit = NULL;
		give(FIELD_ENC, zeros, n);
		e = credential_from_request(&rq, HMAC_LEN, EK_LEN, &out);
		assert_int_equal(e, n >= 3 && n <= 34 ? 0 : -ERR_ENC_SIZE);
		assert_true(e == 0 ? rq.culprit == NULL : strcmp(rq.culprit, "enc") == 0);
	}
	give(FIELD_ENC, enc, sizeof(enc));
	for (size_t n = 0; n <= sizeof(zeros); n++) {
		rq.culprit = NULL;
		give(FIELD_ENCRYPTED_SECRET, n == EK_LEN ? secret : zeros, n);
		if (n == EK_LEN) {
			assert_int_equal(credential(NULL), 0);
		} else {
			assert_int_equal(credential("encrypted_secret"), -ERR_SECRET_SIZE);
		}
	}
	/* a size that is not that of the rest */
	zeros[0] = 1;
	for (size_t n = 0; n <= sizeof(zeros); n++) {
		rq.culprit = NULL;
		give(FIELD_ENCRYPTED_SECRET, zeros, n);
		assert_int_equal(credential_from_request(&rq, HMAC_LEN, EK_LEN, &out),
				 n == EK_LEN || n == EK_LEN + 2 ? 0 : -ERR_SECRET_SIZE);
	}
}

/* The largest credential fits: SHA-512, RSA 4096. */
static void takes_the_largest(void **state)
{
	static uint8_t big_secret[SECRET_MAX];
	struct bytes b = tpm2b(contents(ID_HMAC_MAX, ID_ENC_MAX));

	(void)state;
	nothing_given();
	memset(big_secret, 0x77, sizeof(big_secret));
	give(FIELD_CREDENTIAL_BLOB, b.p, b.n);
	give(FIELD_ENCRYPTED_SECRET, big_secret, SECRET_MAX);
	assert_int_equal(credential_from_request(&rq, ID_HMAC_MAX, SECRET_MAX, &out), 0);
	assert_int_equal(out.id_object_len, ID_OBJECT_MAX);
	assert_memory_equal(out.id_object, b.p + 2, ID_OBJECT_MAX);
	assert_int_equal(out.secret_len, SECRET_MAX);
	assert_memory_equal(out.secret, big_secret, SECRET_MAX);
}

/* go-tpm: the two TPM2Bs of its blob, separated, are the members of a request. */
static void takes_gotpm_blob(void **state)
{
	size_t n;
	uint8_t *p;
	size_t id_len;

	(void)state;
	p = vector("cred/gotpm_rsa_activation_blob.bin", &n);
	id_len = 2 + ((size_t)p[0] << 8 | p[1]);
	nothing_given();
	give(FIELD_CREDENTIAL_BLOB, p, id_len);
	give(FIELD_ENCRYPTED_SECRET, p + id_len, n - id_len);
	assert_int_equal(credential_from_request(&rq, HMAC_LEN, EK_LEN, &out), 0);
	assert_int_equal(out.id_object_len, id_len - 2);
	assert_memory_equal(out.id_object, p + 2, id_len - 2);
	assert_memory_equal(out.secret, p + id_len + 2, EK_LEN);
	/* the same in one piece, with the secret in its own member too, or not */
	give(FIELD_CREDENTIAL_BLOB, p, n);
	assert_int_equal(credential_from_request(&rq, HMAC_LEN, EK_LEN, &out), 0);
	nothing_given();
	give(FIELD_CREDENTIAL_BLOB, p, n);
	assert_int_equal(credential_from_request(&rq, HMAC_LEN, EK_LEN, &out), 0);
	assert_int_equal(out.id_object_len, id_len - 2);
	assert_memory_equal(out.id_object, p + 2, id_len - 2);
	assert_memory_equal(out.secret, p + id_len + 2, EK_LEN);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_hmac_and_enc),   cmocka_unit_test(refuses_contradictions),
		cmocka_unit_test(from_blob),           cmocka_unit_test(from_file),
		cmocka_unit_test(from_pair),           cmocka_unit_test(refuses_missing_members),
		cmocka_unit_test(refuses_wrong_sizes), cmocka_unit_test(takes_the_largest),
		cmocka_unit_test(takes_gotpm_blob),
	};

	return cmocka_run_group_tests_name("credential", tests, credential_setup, NULL);
}
