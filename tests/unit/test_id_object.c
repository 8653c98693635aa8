#include "credential_bytes.h"

#include "err.h"
#include "wire/id_object.h"

struct result {
	struct id_object id;
	const uint8_t *secret;
	size_t secret_len;
};

/* Parses a copy. After an error all outputs must be empty; else they must point into the copy. */
static int parse_in(const uint8_t *p, size_t n, size_t hmac_len, struct result *r)
{
	int e;

	memset(r, 0xa5, sizeof(*r));
	e = id_object_parse(p, n, hmac_len, &r->id, &r->secret, &r->secret_len);
	if (e != 0) {
		assert_int_equal(e, -ERR_CREDENTIAL);
		assert_null(r->id.hmac);
		assert_null(r->id.enc);
		assert_null(r->secret);
		assert_int_equal(r->id.hmac_len + r->id.enc_len + r->secret_len, 0);
		return e;
	}
	assert_int_equal(r->id.hmac_len, hmac_len);
	assert_in_range(r->id.enc_len, 3, 2 + hmac_len);
	assert_true(r->id.hmac > p);
	assert_ptr_equal(r->id.enc, r->id.hmac + hmac_len);
	if (r->secret != NULL) {
		assert_ptr_equal(r->secret, r->id.enc + r->id.enc_len + 2);
		assert_ptr_equal(r->secret + r->secret_len, p + n);
	} else {
		assert_int_equal(r->secret_len, 0);
		assert_ptr_equal(r->id.enc + r->id.enc_len, p + n);
	}
	return 0;
}

static int parse_bytes(struct bytes b, size_t hmac_len)
{
	struct result r;
	uint8_t *copy = exact(b.p, b.n);
	int e = parse_in(copy, b.n, hmac_len, &r);

	free(copy);
	return e;
}

static void reads_known_forms(void **state)
{
	struct bytes forms[4] = {contents(HMAC_LEN, 18), tpm2b(contents(HMAC_LEN, 18)),
				 file(contents(HMAC_LEN, 18), EK_LEN),
				 pair(contents(HMAC_LEN, 18), EK_LEN)};

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct result r;

		assert_int_equal(parse_in(forms[i].p, forms[i].n, HMAC_LEN, &r), 0);
		assert_memory_equal(r.id.hmac, hmac, HMAC_LEN);
		assert_int_equal(r.id.enc_len, sizeof(enc));
		assert_memory_equal(r.id.enc, enc, sizeof(enc));
		assert_int_equal(r.secret != NULL, i >= 2);
		assert_int_equal(r.secret_len, i >= 2 ? EK_LEN : 0);
		if (i >= 2) {
			assert_memory_equal(r.secret, secret, EK_LEN);
		}
	}
}

/* All sizes of hmac and encIdentity, in all forms. */
static void checks_every_size(void **state)
{
	static const size_t wanted[] = {20, 32, 48, 64};

	(void)state;
	for (size_t w = 0; w < 4; w++) {
		for (size_t h = 0; h <= 64; h++) {
			for (size_t n = 0; n <= 68; n++) {
				bool good = h == wanted[w] && n >= 3 && n <= 2 + h;
				int e = good ? 0 : -ERR_CREDENTIAL;

				assert_int_equal(parse_bytes(contents(h, n), wanted[w]), e);
				assert_int_equal(parse_bytes(tpm2b(contents(h, n)), wanted[w]), e);
				assert_int_equal(parse_bytes(file(contents(h, n), 8), wanted[w]),
						 e);
				if (2 + h + n == wanted[w]) {
					continue; /* looks like the size of hmac */
				}
				assert_int_equal(parse_bytes(pair(contents(h, n), 8), wanted[w]),
						 e);
			}
		}
	}
}

static void refuses_other_forms(void **state)
{
	struct bytes plain = contents(HMAC_LEN, 18);
	struct bytes b = tpm2b(plain);

	(void)state;
	assert_int_equal(parse_bytes((struct bytes){.n = 0}, HMAC_LEN), -ERR_CREDENTIAL);
	assert_int_equal(parse_bytes(tpm2b(b), HMAC_LEN), -ERR_CREDENTIAL);
	add(&b, "x", 1);
	assert_int_equal(parse_bytes(b, HMAC_LEN), -ERR_CREDENTIAL);
	/* both: cut short, too long, without the outer size, in the wrong order */
	b = pair(plain, EK_LEN);
	b.n--;
	assert_int_equal(parse_bytes(b, HMAC_LEN), -ERR_CREDENTIAL);
	b.n = tpm2b(plain).n + 1;
	assert_int_equal(parse_bytes(b, HMAC_LEN), -ERR_CREDENTIAL);
	b = pair(plain, EK_LEN);
	add(&b, "x", 1);
	assert_int_equal(parse_bytes(b, HMAC_LEN), -ERR_CREDENTIAL);
	b = plain;
	add_u16(&b, EK_LEN);
	add(&b, secret, EK_LEN);
	assert_int_equal(parse_bytes(b, HMAC_LEN), -ERR_CREDENTIAL);
	b = (struct bytes){.n = 0};
	add_u16(&b, EK_LEN);
	add(&b, secret, EK_LEN);
	add(&b, tpm2b(plain).p, plain.n + 2);
	assert_int_equal(parse_bytes(b, HMAC_LEN), -ERR_CREDENTIAL);
	assert_int_equal(parse_bytes(pair(tpm2b(plain), EK_LEN), HMAC_LEN), -ERR_CREDENTIAL);
	assert_int_equal(parse_bytes(pair(plain, 0), HMAC_LEN), 0);
	/* the file: another version, without the secret, too long, with its size twice */
	b = file(plain, EK_LEN);
	b.p[7] = 2;
	assert_int_equal(parse_bytes(b, HMAC_LEN), -ERR_CREDENTIAL);
	b = file(plain, EK_LEN);
	b.n -= EK_LEN + 2;
	assert_int_equal(parse_bytes(b, HMAC_LEN), -ERR_CREDENTIAL);
	b = file(plain, EK_LEN);
	add(&b, "x", 1);
	assert_int_equal(parse_bytes(b, HMAC_LEN), -ERR_CREDENTIAL);
	assert_int_equal(parse_bytes(file(tpm2b(plain), EK_LEN), HMAC_LEN), -ERR_CREDENTIAL);
	assert_int_equal(parse_bytes(file(plain, 0), HMAC_LEN), 0);
}

static void parse_damaged(const uint8_t *p, size_t n, void *arg)
{
	const struct bytes *whole = arg;
	struct result r;
	int e = parse_in(p, n, HMAC_LEN, &r);

	/* With bytes cut off, only two forms can still be complete: that without an outer size,
	 * and that with the secret behind it. */
	if (n < whole->n && (whole->p[0] != 0 || whole->p[1] != HMAC_LEN) &&
	    n != 2 + ((size_t)whole->p[0] << 8 | whole->p[1])) {
		assert_int_equal(e, -ERR_CREDENTIAL);
	}
}

static void damaged(void **state)
{
	struct bytes forms[4] = {contents(HMAC_LEN, 18), tpm2b(contents(HMAC_LEN, 18)),
				 file(contents(HMAC_LEN, 18), EK_LEN),
				 pair(contents(HMAC_LEN, 18), EK_LEN)};

	(void)state;
	for (int i = 0; i < 4; i++) {
		sweep(forms[i].p, forms[i].n, parse_damaged, &forms[i]);
	}
	/* each change of a single size makes it invalid */
	for (int i = 0; i < 4; i++) {
		static const size_t sizes[4][8] = {
			{0, 1},
			{0, 1, 2, 3},
			{0, 3, 7, 8, 9, 10, 11, 62},
			{0, 1, 2, 3, 54, 55},
		};
		static const size_t counts[4] = {2, 4, 8, 6};

		for (size_t k = 0; k < counts[i]; k++) {
			struct bytes b = forms[i];

			b.p[sizes[i][k]] ^= 0x40;
			assert_int_equal(parse_bytes(b, HMAC_LEN), -ERR_CREDENTIAL);
		}
	}
}

/* The first two bytes decide which form it is. */
static void first_size_decides_the_form(void **state)
{
	static const size_t wanted[] = {20, 32, 48, 64};

	(void)state;
	for (size_t w = 0; w < 4; w++) {
		for (size_t first = 0; first < 0x10000; first++) {
			struct bytes b = {.n = 0};
			struct result r;

			add_u16(&b, first);
			add_u16(&b, wanted[w]);
			b.n += wanted[w] + 3;
			memset(b.p + 4, 0, b.n - 4);
			if (first == wanted[w]) { /* the size of hmac: there is no outer size */
				assert_int_equal(parse_in(b.p, b.n, wanted[w], &r), 0);
				assert_ptr_equal(r.id.hmac, b.p + 2);
			} else if (first == b.n - 2) {
				assert_int_equal(parse_in(b.p, b.n, wanted[w], &r), 0);
				assert_ptr_equal(r.id.hmac, b.p + 4);
			} else {
				assert_int_equal(parse_in(b.p, b.n, wanted[w], &r),
						 -ERR_CREDENTIAL);
			}
			assert_null(r.secret);
		}
	}
}

/* The test data of go-tpm: two TPM2Bs, one behind the other. */
static void field_43_gotpm_blob(void **state)
{
	size_t n;
	uint8_t *p;
	size_t id_len;
	struct result r;

	(void)state;
	p = vector("cred/gotpm_rsa_activation_blob.bin", &n);
	id_len = 2 + ((size_t)p[0] << 8 | p[1]);
	assert_int_equal(id_len + 2 + EK_LEN, n);
	assert_int_equal(parse_in(p, n, HMAC_LEN, &r), 0);
	assert_ptr_equal(r.secret, p + id_len + 2);
	assert_int_equal(r.secret_len, EK_LEN);
	assert_int_equal(parse_in(p, id_len, HMAC_LEN, &r), 0);
	assert_null(r.secret);
	assert_int_equal(parse_in(p + 2, id_len - 2, HMAC_LEN, &r), 0);
	assert_int_equal(parse_in(p + 2, n - 2, HMAC_LEN, &r), -ERR_CREDENTIAL);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_known_forms),
		cmocka_unit_test(checks_every_size),
		cmocka_unit_test(refuses_other_forms),
		cmocka_unit_test(damaged),
		cmocka_unit_test(first_size_decides_the_form),
		cmocka_unit_test(field_43_gotpm_blob),
	};

	return cmocka_run_group_tests_name("id_object", tests, credential_setup, NULL);
}
