#include "wire/request.h"

#include <string.h>

#include "err.h"
#include "wire/base64.h"
#include "wire/json.h"
#include "wire/wipe.h"

const char *const request_field_names[FIELD_COUNT] = {
	[FIELD_CREDENTIAL_BLOB] = "credential_blob",
	[FIELD_ENCRYPTED_SECRET] = "encrypted_secret",
	[FIELD_HMAC] = "hmac",
	[FIELD_ENC] = "enc",
};

/* A byte order mark, in UTF-8: .NET's StreamWriter begins with one. */
#define BOM "\xef\xbb\xbf"
#define BOM_LEN (sizeof(BOM) - 1)

static const char command_name[] = "command";

/*
 * The member of that name, as a string; NULL if it is absent or null.
 * -ERR_TYPE, with its name as the culprit, if it is anything else.
 */
static int find(struct request *rq, const struct json_object *o, const char *name,
		const struct json_slice **value)
{
	*value = NULL;
	for (size_t i = 0; i < o->count; i++) {
		const struct json_member *m = &o->members[i];

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

static int take_command(struct request *rq, const struct json_object *o)
{
	const struct json_slice *value;
	size_t n;
	int e = find(rq, o, command_name, &value);

	if (e != 0 || value == NULL) {
		return e;
	}
	/* By way of the store, for its escapes may make it long. */
	n = json_unescape(*value, (char *)rq->store);
	if (n < sizeof(rq->command)) {
		memcpy(rq->command, rq->store, n);
	}
	return 0;
}

/* All strings together are shorter than the line: the store holds them. */
static int take_fields(struct request *rq, const struct json_object *o)
{
	const struct json_slice *value;
	size_t used = 0;
	size_t n;

	for (int i = 0; i < FIELD_COUNT; i++) {
		uint8_t *p = rq->store + used;
		int e = find(rq, o, request_field_names[i], &value);

		if (e != 0) {
			return e;
		}
		if (value == NULL) {
			continue;
		}
		n = json_unescape(*value, (char *)p);
		e = base64_decode((const char *)p, n, p, &n);
		if (e != 0) {
			rq->culprit = request_field_names[i];
			return e;
		}
		rq->field[i] = (struct request_bytes){.p = p, .n = n};
		used += n;
	}
	return 0;
}

int request_parse(const uint8_t *line, size_t n, struct request *out)
{
	struct json_object object;
	size_t skip = n >= BOM_LEN && memcmp(line, BOM, BOM_LEN) == 0 ? BOM_LEN : 0;
	int e;

	memset(out->command, 0, sizeof(out->command));
	memset(out->field, 0, sizeof(out->field));
	out->culprit = NULL;
	e = n > REQUEST_MAX ? -ERR_TOO_LONG : json_parse(line + skip, n - skip, &object);
	if (e == 0) {
		e = take_command(out, &object);
	}
	out->in_fields = e == 0;
	if (e == 0) {
		e = take_fields(out, &object);
	}
	if (e != 0) {
		memset(out->field, 0, sizeof(out->field));
		wipe(out->store, n < sizeof(out->store) ? n : sizeof(out->store));
	}
	return e;
}
