#include "wire/id_object.h"

#include <assert.h>
#include <string.h>

#include "base/wipe.h"
#include "err.h"
#include "wire/reader.h"
#include "wire/request.h"

/* How the file of tpm2_makecredential begins. */
#define FILE_MAGIC 0xbadcc0de
#define FILE_VERSION 1

/* encIdentity is an encrypted TPM2B_DIGEST: a u16 size and at least 1 byte. */
#define ENC_MIN 3
#define ENC_SIZE_OF_SIZE 2

static bool enc_fits(size_t n, size_t hmac_len)
{
	return n >= ENC_MIN && n <= ENC_SIZE_OF_SIZE + hmac_len;
}

/* All n bytes are one TPMS_ID_OBJECT. */
static int parse_contents(const uint8_t *p, size_t n, size_t hmac_len, struct id_object *out)
{
	struct reader r = reader_over(p, n);

	out->hmac = reader_tpm2b(&r, &out->hmac_len);
	if (out->hmac_len != hmac_len || !enc_fits(r.n, hmac_len)) {
		return -ERR_CREDENTIAL;
	}
	out->enc = r.p;
	out->enc_len = r.n;
	return 0;
}

int id_object_parse(const uint8_t *p, size_t n, size_t hmac_len, struct id_object *out,
		    const uint8_t **secret, size_t *secret_len)
{
	struct reader r = reader_over(p, n);
	struct reader look = r;
	const uint8_t *contents = p;
	size_t contents_len = n;
	bool is_file = reader_u32(&look) == FILE_MAGIC && reader_u32(&look) == FILE_VERSION;
	int e = -ERR_CREDENTIAL;

	*secret = NULL;
	*secret_len = 0;
	if (is_file) {
		r = look;
	}
	/* Bytes that begin with the size of hmac have no outer size, which would be larger. */
	look = r;
	if (!is_file && reader_u16(&look) == hmac_len) {
		reader_bytes(&r, n);
	} else {
		contents = reader_tpm2b(&r, &contents_len);
		if (is_file || r.n > 0) {
			*secret = reader_tpm2b(&r, secret_len);
		}
	}
	if (reader_done(&r)) {
		e = parse_contents(contents, contents_len, hmac_len, out);
	}
	if (e != 0) {
		*out = (struct id_object){.hmac = NULL};
		*secret = NULL;
		*secret_len = 0;
	}
	return e;
}

static bool same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	return a_len == b_len && equal_ct(a, b, a_len);
}

/* Notes which member is wrong; returns e. */
static int wrong_member(struct request *rq, enum request_field field, int e)
{
	rq->culprit = request_field_names[field];
	return e;
}

/*
 * The ID object, from hmac and enc or from credential_blob. *secret is what
 * credential_blob contains, or NULL.
 */
static int choose_object(struct request *rq, size_t hmac_len, struct id_object *id,
			 const uint8_t **secret, size_t *secret_len)
{
	const struct request_bytes *blob = &rq->field[FIELD_CREDENTIAL_BLOB];
	const struct request_bytes *hmac = &rq->field[FIELD_HMAC];
	const struct request_bytes *enc = &rq->field[FIELD_ENC];
	bool parsed;

	if ((hmac->p == NULL) != (enc->p == NULL)) {
		return wrong_member(rq, hmac->p == NULL ? FIELD_HMAC : FIELD_ENC, -ERR_FIELDS);
	}
	if (blob->p == NULL && hmac->p == NULL) {
		return wrong_member(rq, FIELD_CREDENTIAL_BLOB, -ERR_FIELDS);
	}
	*secret = NULL;
	*secret_len = 0;
	parsed = blob->p != NULL &&
		 id_object_parse(blob->p, blob->n, hmac_len, id, secret, secret_len) == 0;
	if (hmac->p == NULL) {
		return parsed ? 0 : wrong_member(rq, FIELD_CREDENTIAL_BLOB, -ERR_CREDENTIAL);
	}
	if (hmac->n != hmac_len) {
		return wrong_member(rq, FIELD_HMAC, -ERR_HMAC_SIZE);
	}
	if (!enc_fits(enc->n, hmac_len)) {
		return wrong_member(rq, FIELD_ENC, -ERR_ENC_SIZE);
	}
	if (parsed && !(same(id->hmac, id->hmac_len, hmac->p, hmac->n) &&
			same(id->enc, id->enc_len, enc->p, enc->n))) {
		return wrong_member(rq, FIELD_CREDENTIAL_BLOB, -ERR_CREDENTIAL_CONFLICT);
	}
	id->hmac = hmac->p;
	id->hmac_len = hmac->n;
	id->enc = enc->p;
	id->enc_len = enc->n;
	return 0;
}

/*
 * The encrypted secret, ek_len bytes at *secret: from encrypted_secret or, if that is
 * absent, from credential_blob (given in *secret, *secret_len).
 */
static int choose_secret(struct request *rq, size_t ek_len, const uint8_t **secret,
			 size_t secret_len)
{
	const struct request_bytes *given = &rq->field[FIELD_ENCRYPTED_SECRET];
	struct reader r;
	const uint8_t *p;
	size_t n;

	if (*secret != NULL && secret_len != ek_len) {
		return wrong_member(rq, FIELD_CREDENTIAL_BLOB, -ERR_SECRET_SIZE);
	}
	if (given->p == NULL) {
		return *secret != NULL ? 0 : wrong_member(rq, FIELD_ENCRYPTED_SECRET, -ERR_FIELDS);
	}
	p = given->p;
	n = given->n;
	if (n != ek_len) {
		r = reader_over(p, n);
		p = reader_tpm2b(&r, &n);
		if (!reader_done(&r) || n != ek_len) {
			return wrong_member(rq, FIELD_ENCRYPTED_SECRET, -ERR_SECRET_SIZE);
		}
	}
	if (*secret != NULL && !equal_ct(*secret, p, ek_len)) {
		return wrong_member(rq, FIELD_ENCRYPTED_SECRET, -ERR_SECRET_CONFLICT);
	}
	*secret = p;
	return 0;
}

int credential_from_request(struct request *rq, size_t hmac_len, size_t ek_len,
			    struct credential *out)
{
	struct id_object id;
	const uint8_t *secret;
	size_t secret_len;
	uint8_t *p = out->id_object;
	int e;

	assert(hmac_len <= ID_HMAC_MAX && ek_len <= SECRET_MAX);
	memset(out, 0, sizeof(*out));
	e = choose_object(rq, hmac_len, &id, &secret, &secret_len);
	if (e == 0) {
		e = choose_secret(rq, ek_len, &secret, secret_len);
	}
	if (e != 0) {
		return e;
	}
	*p++ = (uint8_t)(id.hmac_len >> 8);
	*p++ = (uint8_t)id.hmac_len;
	memcpy(p, id.hmac, id.hmac_len);
	memcpy(p + id.hmac_len, id.enc, id.enc_len);
	out->id_object_len = 2 + id.hmac_len + id.enc_len;
	memcpy(out->secret, secret, ek_len);
	out->secret_len = ek_len;
	return 0;
}
