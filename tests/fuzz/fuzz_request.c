/* A request line: src/wire/request.c, and src/service/dispatch.c on top of it. */
#include "fuzz.h"

#include "service/dispatch.h"
#include "wire/base64.h"
#include "wire/json.h"
#include "wire/request.h"

/* Known by its address. */
const struct operation {
	char unused;
} credential_operation;

const struct identity *tpm_identity(void)
{
	static const struct identity id;

	return &id;
}

static char line[2 * REQUEST_MAX];
static size_t line_len;

static void put(const char *s)
{
	size_t n = strlen(s);

	MUST(n <= sizeof line - line_len);
	memcpy(line + line_len, s, n);
	line_len += n;
}

static void put_field(const struct request *rq, int i)
{
	size_t n = BASE64_LEN(rq->field[i].n);

	put(",\"");
	put(request_field_names[i]);
	put("\":\"");
	MUST(n <= sizeof line - line_len);
	base64_encode(rq->field[i].p, rq->field[i].n, line + line_len);
	line_len += n;
	put("\"");
}

static void write_request(const struct request *rq)
{
	line_len = 0;
	put("{\"command\":\"");
	for (const char *c = rq->command; *c != '\0'; c++) {
		char escape[8] = {*c};

		if ((uint8_t)*c < 0x20 || *c == '"' || *c == '\\') {
			snprintf(escape, sizeof escape, "\\u%04x", *c);
		}
		put(escape);
	}
	put("\"");
	for (int i = 0; i < FIELD_COUNT; i++) {
		if (rq->field[i].p != NULL) {
			put_field(rq, i);
		}
	}
	put("}");
}

static int parse_copy(const void *p, size_t n, struct request *rq)
{
	uint8_t *copy = exact(p, n);
	int e = request_parse(copy, n, rq);

	free(copy);
	return e;
}

static void check_same(const struct request *a, const struct request *b)
{
	MUST(strcmp(a->command, b->command) == 0);
	for (int i = 0; i < FIELD_COUNT; i++) {
		MUST((a->field[i].p == NULL) == (b->field[i].p == NULL));
		MUST(same_bytes(a->field[i].p, a->field[i].n, b->field[i].p, b->field[i].n));
	}
}

static void check_failure(const struct request *rq, int e, size_t size)
{
	bool known = rq->culprit == NULL || strcmp(rq->culprit, "command") == 0;

	MUST(is_error(e));
	MUST(all_zero(rq->store, size < sizeof rq->store ? size : sizeof rq->store));
	for (int i = 0; i < FIELD_COUNT; i++) {
		MUST(rq->field[i].p == NULL && rq->field[i].n == 0);
		known = known || rq->culprit == request_field_names[i];
	}
	MUST(known);
	MUST((rq->culprit != NULL) == (e == -ERR_TYPE || e == -ERR_BASE64));
}

static void check_success(const struct request *rq, size_t size)
{
	static struct request again;
	size_t used = 0;

	MUST(size <= REQUEST_MAX && rq->culprit == NULL);
	for (int i = 0; i < FIELD_COUNT; i++) {
		const struct request_bytes *field = &rq->field[i];

		if (field->p != NULL) {
			MUST(inside(field->p, field->n, rq->store, sizeof rq->store));
			used += field->n;
		}
	}
	MUST(used < size);
	write_request(rq);
	if (line_len <= REQUEST_MAX) {
		MUST(parse_copy(line, line_len, &again) == 0);
		check_same(rq, &again);
	}
}

/* Space around a request makes no difference, nor does a byte order mark before it. */
static void check_space(const struct request *rq, int e, const uint8_t *data, size_t size)
{
	static struct request again;
	static uint8_t spaced[REQUEST_MAX];
	static const uint8_t bom[] = {0xef, 0xbb, 0xbf};

	if (size >= sizeof bom && memcmp(data, bom, sizeof bom) == 0) {
		data += sizeof bom;
		size -= sizeof bom;
	}
	if (size + 5 > sizeof spaced) {
		return;
	}
	memcpy(spaced, bom, sizeof bom);
	spaced[3] = '\t';
	memcpy(spaced + 4, data, size);
	spaced[size + 4] = ' ';
	MUST(parse_copy(spaced, size + 5, &again) == e);
	MUST(again.culprit == rq->culprit);
	check_same(rq, &again);
}

static void check_refusal(const struct command *command, struct refusal why)
{
	static char buf[TX_MAX];
	struct text reply = text_in(buf, sizeof buf);
	struct json_object o;

	dispatch_refuse(command, why, 0, &reply);
	MUST(!reply.cut && reply.p[reply.len - 1] == '\n');
	MUST(memchr(reply.p, '\n', reply.len - 1) == NULL);
	MUST(json_parse((const uint8_t *)reply.p, reply.len - 1, &o) == 0);
	MUST(o.count >= 3 && json_equal(o.members[0].value, "error"));
}

static void dispatch(const struct request *rq, int parsed, const uint8_t *data, size_t size)
{
	const struct command *command = (const void *)data;
	static struct credential credential;
	struct refusal why;
	int e = dispatch_parse(data, size, &command, &credential, &why);

	MUST(why.err == e);
	MUST(command == NULL || strcmp(command->name, rq->command) == 0);
	if (e != 0) {
		MUST(is_error(e));
		MUST(parsed == 0 || rq->in_fields || e == parsed);
		check_refusal(command, why);
		return;
	}
	MUST(command != NULL && why.field == NULL);
	MUST(parsed == 0 || (rq->in_fields && command->op == NULL));
	if (command->op != NULL) {
		MUST(credential.secret_len == EK_KEY_LEN);
		MUST(credential.id_object_len >= 2 + EK_HMAC_LEN + 3);
		MUST(credential.id_object_len <= 2 + EK_HMAC_LEN + 2 + EK_HMAC_LEN);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct request rq;
	int e;

	memset(&rq, 0xaa, sizeof rq);
	e = request_parse(data, size, &rq);
	MUST(memchr(rq.command, 0, sizeof rq.command) != NULL);
	if (e != 0) {
		check_failure(&rq, e, size);
	} else {
		check_success(&rq, size);
	}
	check_space(&rq, e, data, size);
	dispatch(&rq, e, data, size);
	return 0;
}
