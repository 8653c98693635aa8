#include "wire/request.h"

#include <string.h>

#include "base/wipe.h"
#include "err.h"
#include "wire/base64.h"
#include "wire/json.h"

const char request_field_names[FIELD_COUNT][FIELD_NAME_SIZE] = {
	[FIELD_CREDENTIAL_BLOB] = "credential_blob",
	[FIELD_ENCRYPTED_SECRET] = "encrypted_secret",
	[FIELD_HMAC] = "hmac",
	[FIELD_ENC] = "enc",
	[FIELD_AIK] = "aik",
	[FIELD_NONCE] = "nonce",
	[FIELD_PCRS] = "pcrs",
	[FIELD_PCR_BANK] = "pcr_bank",
};
/* The members that are texts; the others are base64. */
#define TEXTS (FIELD_BIT(FIELD_AIK) | FIELD_BIT(FIELD_PCRS) | FIELD_BIT(FIELD_PCR_BANK))

/* The byte order mark in UTF-8. .NET's StreamWriter begins with it. */
#define BOM "\xef\xbb\xbf"
#define BOM_LEN (sizeof(BOM) - 1)

static const char command_name[] = "command";

/*
 * Finds the member of that name: *value is its string, or NULL if it is absent or null.
 * -ERR_TYPE, with the name as the culprit: it is anything else.
 */
static int find(struct request *rq, const char *name, const struct json_slice **value)
{
	*value = NULL;
	for (size_t i = 0; i < rq->object.count; i++) {
		const struct json_member *m = &rq->object.members[i];

		if (!json_equal(m->key, name) || m->kind == JSON_NULL) {
			continue;
		}
		if (m->kind != JSON_STRING) {
			rq->culprit = name;
			return -ERR_TYPE;
		}
		*value = &m->value;
	}
	return 0;
}

/* Writes the value, with its escapes undone, behind what is used of the store. Returns its
 * length. */
static size_t put(struct request *rq, struct json_slice value)
{
	size_t n = json_unescape(value, (char *)rq->store + rq->used);

	if (rq->touched < rq->used + n) {
		rq->touched = rq->used + n;
	}
	return n;
}

static int take_command(struct request *rq)
{
	const struct json_slice *value;
	size_t n;
	int e = find(rq, command_name, &value);

	if (e != 0 || value == NULL) {
		return e;
	}
	/* In the store first: before its escapes are undone its length is not known. */
	n = put(rq, *value);
	if (n < sizeof(rq->command)) {
		memcpy(rq->command, rq->store, n);
	}
	return 0;
}

int request_parse(const uint8_t *line, size_t n, struct request *out)
{
	size_t skip = n >= BOM_LEN && memcmp(line, BOM, BOM_LEN) == 0 ? BOM_LEN : 0;
	int e;

	memset(out->command, 0, sizeof(out->command));
	memset(out->field, 0, sizeof(out->field));
	out->culprit = NULL;
	out->used = 0;
	out->touched = 0;
	out->object.count = 0;
	e = n > REQUEST_MAX ? -ERR_TOO_LONG : json_parse(line + skip, n - skip, &out->object);
	return e == 0 ? take_command(out) : e;
}

/* The store has room for all fields, because together they are shorter than the line. */
static int take_field(struct request *rq, unsigned i)
{
	uint8_t *p = rq->store + rq->used;
	const struct json_slice *value;
	size_t n;
	int e = find(rq, request_field_names[i], &value);

	if (e != 0 || value == NULL) {
		return e;
	}
	n = put(rq, *value);
	if (!(TEXTS & FIELD_BIT(i))) {
		e = base64_decode((const char *)p, n, p, &n);
	}
	if (e != 0) {
		rq->culprit = request_field_names[i];
		return e;
	}
	rq->field[i] = (struct request_bytes){.p = p, .n = n};
	rq->used += n;
	return 0;
}

int request_take(struct request *rq, unsigned fields)
{
	int e = 0;

	for (unsigned i = 0; i < FIELD_COUNT && e == 0; i++) {
		e = (fields & FIELD_BIT(i)) != 0 ? take_field(rq, i) : 0;
	}
	if (e != 0) {
		request_wipe(rq);
	}
	return e;
}

void request_wipe(struct request *rq)
{
	memset(rq->field, 0, sizeof(rq->field));
	wipe(rq->store, rq->touched);
	rq->used = 0;
	rq->touched = 0;
}
