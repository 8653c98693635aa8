/*
 * src/wire/id_object.c. The input: which fields there are, the EK's sizes, and for each
 * field its size and its bytes.
 */
#include "fuzz.h"

#include "wire/id_object.h"
#include "wire/request.h"

static const size_t hmac_sizes[] = {32, 20, 48, 64};
static const size_t ek_sizes[] = {256, 384, 512, 128};

/* The bits of the first byte: one for each field, then the two sizes of the EK. */
#define HMAC_LEN(flags) hmac_sizes[(flags) >> 4 & 3]
#define EK_LEN(flags) ek_sizes[(flags) >> 6 & 3]

static void parse(const uint8_t *p, size_t n, size_t hmac_len)
{
	struct id_object id;
	const uint8_t *secret = p;
	size_t secret_len = 99;
	int e;

	memset(&id, 0xaa, sizeof id);
	e = id_object_parse(p, n, hmac_len, &id, &secret, &secret_len);
	if (e != 0) {
		MUST(e == -ERR_CREDENTIAL);
		MUST(all_zero(&id, sizeof id) && secret == NULL && secret_len == 0);
		return;
	}
	MUST(id.hmac_len == hmac_len && id.enc_len >= 3 && id.enc_len <= 2 + hmac_len);
	MUST(inside(id.hmac, id.hmac_len, p, n) && inside(id.enc, id.enc_len, p, n));
	MUST(id.enc == id.hmac + id.hmac_len);
	if (secret == NULL) {
		MUST(secret_len == 0 && id.enc + id.enc_len == p + n);
		MUST(id.hmac - p == 2 || id.hmac - p == 4);
	} else {
		MUST(id.hmac - p == 12 || id.hmac - p == 4);
		MUST(secret == id.enc + id.enc_len + 2);
		MUST(secret + secret_len == p + n);
	}
}

static size_t put_tpm2b(uint8_t *out, const uint8_t *p, size_t n)
{
	out[0] = (uint8_t)(n >> 8);
	out[1] = (uint8_t)n;
	memcpy(out + 2, p, n);
	return 2 + n;
}

static void check_equal(const struct credential *a, const struct credential *b)
{
	MUST(same_bytes(a->id_object, a->id_object_len, b->id_object, b->id_object_len));
	MUST(same_bytes(a->secret, a->secret_len, b->secret, b->secret_len));
}

/* A credential that is written in each of its forms is read as the same credential. */
static void check_forms(const struct credential *c, size_t hmac_len, size_t ek_len)
{
	static const uint8_t magic[] = {0xba, 0xdc, 0xc0, 0xde, 0, 0, 0, 1};
	static struct request rq;
	static struct credential again;
	uint8_t blob[sizeof magic + 2 + ID_OBJECT_MAX + 2 + SECRET_MAX];
	uint8_t secret[2 + SECRET_MAX];
	struct request_bytes *f = rq.field;
	size_t n;

	memset(f, 0, sizeof rq.field);
	f[FIELD_HMAC] = (struct request_bytes){c->id_object + 2, hmac_len};
	f[FIELD_ENC] = (struct request_bytes){c->id_object + 2 + hmac_len,
					      c->id_object_len - 2 - hmac_len};
	n = put_tpm2b(secret, c->secret, ek_len);
	f[FIELD_ENCRYPTED_SECRET] = (struct request_bytes){secret, n};
	MUST(credential_from_request(&rq, hmac_len, ek_len, &again) == 0);
	check_equal(c, &again);

	memset(f, 0, sizeof rq.field);
	memcpy(blob, magic, sizeof magic);
	n = sizeof magic + put_tpm2b(blob + sizeof magic, c->id_object, c->id_object_len);
	n += put_tpm2b(blob + n, c->secret, ek_len);
	f[FIELD_CREDENTIAL_BLOB] = (struct request_bytes){blob, n};
	MUST(credential_from_request(&rq, hmac_len, ek_len, &again) == 0);
	check_equal(c, &again);
	blob[n - 1] ^= 1; /* if the two forms differ, this is an error */
	f[FIELD_ENCRYPTED_SECRET] = (struct request_bytes){c->secret, ek_len};
	MUST(credential_from_request(&rq, hmac_len, ek_len, &again) == -ERR_SECRET_CONFLICT);

	blob[n - 1] ^= 1; /* the same without the file's header */
	f[FIELD_CREDENTIAL_BLOB] = (struct request_bytes){blob + sizeof magic, n - sizeof magic};
	MUST(credential_from_request(&rq, hmac_len, ek_len, &again) == 0);
	check_equal(c, &again);
	f[FIELD_ENCRYPTED_SECRET].p = NULL;
	MUST(credential_from_request(&rq, hmac_len, ek_len, &again) == 0);
	check_equal(c, &again);

	n = put_tpm2b(blob, c->id_object, c->id_object_len);
	f[FIELD_ENCRYPTED_SECRET].p = c->secret;
	f[FIELD_CREDENTIAL_BLOB] = (struct request_bytes){blob, n};
	MUST(credential_from_request(&rq, hmac_len, ek_len, &again) == 0);
	check_equal(c, &again);
	f[FIELD_CREDENTIAL_BLOB] = (struct request_bytes){blob + 2, n - 2};
	MUST(credential_from_request(&rq, hmac_len, ek_len, &again) == 0);
	check_equal(c, &again);
}

static void check_success(const struct request *rq, const struct credential *c, size_t hmac_len,
			  size_t ek_len)
{
	const struct request_bytes *f = rq->field;
	size_t enc_len = c->id_object_len - 2 - hmac_len;

	MUST(c->id_object_len <= sizeof c->id_object && c->secret_len == ek_len);
	MUST(enc_len >= 3 && enc_len <= 2 + hmac_len);
	MUST(((size_t)c->id_object[0] << 8 | c->id_object[1]) == hmac_len);
	if (f[FIELD_HMAC].p != NULL) {
		MUST(same_bytes(f[FIELD_HMAC].p, f[FIELD_HMAC].n, c->id_object + 2, hmac_len));
		MUST(same_bytes(f[FIELD_ENC].p, f[FIELD_ENC].n, c->id_object + 2 + hmac_len,
				enc_len));
	}
	check_forms(c, hmac_len, ek_len);
}

static bool is_name(const char *culprit)
{
	for (int i = 0; i < FIELD_COUNT; i++) {
		if (culprit == request_field_names[i]) {
			return true;
		}
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct request rq;
	static struct credential c;
	struct input in = {.p = data, .n = size};
	unsigned flags = input_u8(&in);
	uint8_t *fields[FIELD_COUNT];
	int e;

	rq.culprit = NULL;
	for (int i = 0; i < FIELD_COUNT; i++) {
		bool is_there = flags >> i & 1;
		struct input bytes = is_there ? input_bytes(&in) : (struct input){NULL, 0};

		fields[i] = exact(bytes.p, bytes.n);
		rq.field[i] = (struct request_bytes){is_there ? fields[i] : NULL, bytes.n};
	}
	parse(fields[FIELD_CREDENTIAL_BLOB], rq.field[FIELD_CREDENTIAL_BLOB].n, HMAC_LEN(flags));
	memset(&c, 0xaa, sizeof c);
	e = credential_from_request(&rq, HMAC_LEN(flags), EK_LEN(flags), &c);
	if (e != 0) {
		MUST(is_error(e) && is_name(rq.culprit) && all_zero(&c, sizeof c));
	} else {
		MUST(rq.culprit == NULL);
		check_success(&rq, &c, HMAC_LEN(flags), EK_LEN(flags));
	}
	for (int i = 0; i < FIELD_COUNT; i++) {
		free(fields[i]);
	}
	return 0;
}
