/*
 * A request line: src/wire/request.c, and src/service/dispatch.c on top of it. The
 * members are decoded all at once, which no request type does, and each alone.
 */
#include "request_lines.h"

#include "service/dispatch.h"
#include "wire/json.h"
#include "wire/pcr_list.h"
#include "wire/request.h"

#define ALL (FIELD_BIT(FIELD_COUNT) - 1U)
/* The byte that fills the store before anything is decoded into it. */
#define UNTOUCHED 0xaa

/* Only the addresses of these operations are used. */
const struct operation {
	char unused;
} activate_operation, quote_operation, certify_operation;

static struct identity identity;

const struct identity *tpm_identity(void)
{
	return &identity;
}

/* ---- parsing, and taking ----------------------------------------------------- */

/* Parses a copy of the line: *parsed is what request_parse returns. If that is 0, returns what
 * request_take says. */
static int take_copy(const void *p, size_t n, unsigned fields, struct request *rq, int *parsed)
{
	uint8_t *copy = exact(p, n);
	int e;

	memset(rq, UNTOUCHED, sizeof *rq);
	e = request_parse(copy, n, rq);
	*parsed = e;
	if (e == 0) {
		e = request_take(rq, fields);
	}
	rq->object.count = 0; /* the members point into the line, which is wiped */
	free(copy);
	return e;
}

/* Nothing of the line may be left in its buffer. */
static void check_wiped(const struct request *rq)
{
	size_t i = 0;

	while (i < sizeof rq->store && rq->store[i] == 0) {
		i++;
	}
	while (i < sizeof rq->store && rq->store[i] == UNTOUCHED) {
		i++;
	}
	MUST(i == sizeof rq->store);
	for (i = 0; i < FIELD_COUNT; i++) {
		MUST(rq->field[i].p == NULL && rq->field[i].n == 0);
	}
}

static void check_same(const struct request *a, const struct request *b, unsigned fields)
{
	MUST(strcmp(a->command, b->command) == 0);
	for (unsigned i = 0; i < FIELD_COUNT; i++) {
		const struct request_bytes *field = &a->field[i];

		if (!(fields & FIELD_BIT(i))) {
			MUST(b->field[i].p == NULL && b->field[i].n == 0);
			continue;
		}
		MUST((field->p == NULL) == (b->field[i].p == NULL));
		MUST(same_bytes(field->p, field->n, b->field[i].p, b->field[i].n));
	}
}

static void check_failure(struct request *rq, int e, int parsed)
{
	bool is_named = false;

	MUST(is_error(e));
	for (unsigned i = 0; i < FIELD_COUNT; i++) {
		is_named = is_named || rq->culprit == request_field_names[i];
	}
	if (parsed == 0) {
		MUST(is_named && (e == -ERR_TYPE || e == -ERR_BASE64));
	} else if (e == -ERR_TYPE) {
		MUST(rq->culprit != NULL && strcmp(rq->culprit, "command") == 0);
	} else {
		MUST(rq->culprit == NULL);
	}
	request_wipe(rq);
	check_wiped(rq);
}

/* Each member decoded alone gives what it gives when all are decoded. A bad member is refused
 * whatever the others are. */
static void check_alone(const struct request *all, int e, const uint8_t *data, size_t size)
{
	static struct request alone;
	bool is_first = true;
	int parsed;

	for (unsigned i = 0; i < FIELD_COUNT; i++) {
		int r = take_copy(data, size, FIELD_BIT(i), &alone, &parsed);

		MUST(parsed == 0);
		if (r != 0 && is_first) {
			MUST(r == e && alone.culprit == all->culprit);
			is_first = false;
		}
		if (e == 0) {
			MUST(r == 0);
			check_same(all, &alone, FIELD_BIT(i));
		}
		request_wipe(&alone);
		check_wiped(&alone);
	}
	MUST(is_first == (e == 0));
	MUST(take_copy(data, size, 0, &alone, &parsed) == 0);
	check_same(all, &alone, 0);
}

static void check_success(const struct request *rq, size_t size)
{
	static struct request again;
	size_t used = 0;
	int parsed;

	MUST(size <= REQUEST_MAX && rq->culprit == NULL);
	for (unsigned i = 0; i < FIELD_COUNT; i++) {
		const struct request_bytes *field = &rq->field[i];

		if (field->p != NULL) {
			MUST(inside(field->p, field->n, rq->store, rq->used));
			used += field->n;
		}
	}
	MUST(used == rq->used && used <= rq->touched && rq->touched < size);
	write_request(rq);
	if (line_len <= REQUEST_MAX) {
		MUST(take_copy(line, line_len, ALL, &again, &parsed) == 0);
		check_same(rq, &again, ALL);
	}
}

/* White space around a request, or a byte order mark before it, changes nothing. */
static void check_space(const struct request *rq, int e, const uint8_t *data, size_t size)
{
	static struct request again;
	static uint8_t spaced[REQUEST_MAX];
	static const uint8_t bom[] = {0xef, 0xbb, 0xbf};
	int parsed;

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
	MUST(take_copy(spaced, size + 5, ALL, &again, &parsed) == e);
	MUST(again.culprit == rq->culprit);
	check_same(rq, &again, ALL);
}

/* ---- what dispatch makes of the line -------------------------------------- */

static void check_refusal(const struct request_type *type, struct request_error error)
{
	static char buf[TX_MAX];
	struct text reply = text_in(buf, sizeof buf);
	struct json_object o;

	dispatch_error_reply(type, error, 0, &reply);
	check_line(&reply);
	MUST(json_parse((const uint8_t *)reply.p, reply.len - 1, &o) == 0);
	MUST(o.count >= 3 && json_equal(o.members[0].value, "error"));
}

/* The longest reply of this type, with every member as long as a TPM could ever make it, is
 * complete and fits. */
static void check_reply(const struct request_type *type, const struct request_params *params)
{
	static struct tpm_result result;
	static char buf[TX_MAX];
	struct text reply = text_in(buf, sizeof buf);

	for (unsigned k = 0; k < KEYS; k++) {
		struct key_public *key = &identity.keys[k];

		key->tpm_len = sizeof key->tpm;
		key->name_len = sizeof key->name;
		key->creation_len = sizeof key->creation;
		key->created.attest_len = sizeof key->created.attest;
		key->created.signature_len = sizeof key->created.signature;
	}
	identity.ek_spki_len = sizeof identity.ek_spki;
	identity.ek_cert_len = sizeof identity.ek_cert;
	identity.ek_cert_source = "system";
	identity.ek_chain.count = EK_CHAIN_CERTS;
	for (unsigned i = 0; i < EK_CHAIN_CERTS; i++) {
		identity.ek_chain.certs[i].at = (uint16_t)(i * (EK_CHAIN_MAX / EK_CHAIN_CERTS));
		identity.ek_chain.certs[i].len = EK_CHAIN_MAX / EK_CHAIN_CERTS;
	}
	result.secret_len = sizeof result.secret;
	result.sign.attest_len = sizeof result.sign.attest;
	result.sign.signature_len = sizeof result.sign.signature;
	result.pcr_len = PCR_MAX;
	dispatch_reply(type, params, type->op == NULL ? NULL : &result, &reply);
	check_line(&reply);
}

static void check_credential(const struct credential *c)
{
	MUST(c->secret_len == EK_KEY_LEN);
	MUST(c->id_object_len >= 2 + EK_HMAC_LEN + 3);
	MUST(c->id_object_len <= 2 + EK_HMAC_LEN + 2 + EK_HMAC_LEN);
}

static bool is_text(struct request_bytes field, const char *text)
{
	return field.p != NULL && same_bytes(field.p, field.n, text, strlen(text));
}

/* The parameters of the operation are what the members of `rq` say. */
static void check_params(const struct request_type *type, const struct request_params *params,
			 const struct request *rq)
{
	static const struct {
		const char *name;
		uint16_t bank;
	} banks[] = {{"sha1", 0x0004}, {"sha256", 0x000b}, {"sha384", 0x000c}, {"sha512", 0x000d}};
	static const struct request_params zero;
	struct request_bytes nonce = rq->field[FIELD_NONCE], pcrs = rq->field[FIELD_PCRS];
	const char *bank = NULL;
	uint32_t mask;

	MUST(params->aik == (is_text(rq->field[FIELD_AIK], "rsa") ? KEY_AIK_RSA : KEY_AIK_ECC));
	MUST(dispatch_facts(type, params) ==
	     (type->facts | (type->members & FIELD_BIT(FIELD_AIK) ? FACT_OF_AIK(params->aik) : 0)));
	if (type->op == &activate_operation) {
		MUST(params->kind == PARAMS_CREDENTIAL);
		check_credential(&params->as.credential);
		return;
	}
	if (type->op == NULL) {
		MUST(params->kind == PARAMS_NONE && !type->signs);
		MUST(memcmp(&params->as, &zero.as, sizeof zero.as) == 0);
		return;
	}
	MUST(params->kind == PARAMS_NONCE && type->signs);
	MUST(nonce.n >= 1 && nonce.n <= NONCE_MAX);
	MUST(same_bytes(nonce.p, nonce.n, params->as.sign.nonce, params->as.sign.nonce_len));
	if (type->op == &certify_operation) {
		MUST(params->as.sign.pcrs == 0 && params->as.sign.bank == 0);
		return;
	}
	MUST(type->op == &quote_operation);
	MUST(pcr_list_parse((const char *)pcrs.p, pcrs.n, &mask) == 0);
	MUST(mask != 0 && params->as.sign.pcrs == mask && mask < UINT32_C(1) << PCR_COUNT);
	for (size_t i = 0; i < sizeof banks / sizeof *banks; i++) {
		bank = banks[i].bank == params->as.sign.bank ? banks[i].name : bank;
	}
	MUST(bank != NULL);
	MUST(rq->field[FIELD_PCR_BANK].p == NULL ? strcmp(bank, "sha256") == 0
						 : is_text(rq->field[FIELD_PCR_BANK], bank));
}

/* Members that a request type does not use may have any value. */
static void check_ignored(const struct request_type *type, const struct request_params *params)
{
	static struct request_params again;
	const struct request_type *same = NULL;
	struct request_error error;
	uint8_t *copy;

	line_len--; /* removes the last brace that write_request wrote */
	for (unsigned i = 0; i < FIELD_COUNT; i++) {
		if (!(type->members & FIELD_BIT(i))) {
			put(",\"");
			put(request_field_names[i]);
			put(i % 2 == 0 ? "\":7" : "\":\"=\"");
		}
	}
	put("}");
	if (line_len > REQUEST_MAX) {
		return;
	}
	copy = exact(line, line_len);
	MUST(dispatch_parse(copy, line_len, &same, &again, &error) == 0);
	MUST(same == type && memcmp(&again, params, sizeof again) == 0);
	free(copy);
}

static void dispatch(const uint8_t *data, size_t size)
{
	const struct request_type *type = (const void *)data;
	static struct request_params params;
	static struct request rq;
	struct request_error error;
	int parsed, taken, e;

	memset(&params, 0xee, sizeof params);
	e = dispatch_parse(data, size, &type, &params, &error);
	MUST(error.err == e);
	taken = take_copy(data, size, type == NULL ? 0 : type->members, &rq, &parsed);
	MUST(type == NULL || strcmp(type->name, rq.command) == 0);
	if (e != 0) {
		bool is_own = error.field == NULL || strcmp(error.field, "command") == 0;

		MUST(is_error(e));
		MUST(taken == 0 || (e == taken && error.field == rq.culprit));
		MUST(taken != 0 || (type == NULL) == (e == -ERR_COMMAND));
		for (unsigned i = 0; type != NULL && i < FIELD_COUNT; i++) {
			is_own = is_own || (type->members & FIELD_BIT(i) &&
					    error.field == request_field_names[i]);
		}
		MUST(is_own);
		check_refusal(type, error);
		return;
	}
	MUST(type != NULL && error.field == NULL && taken == 0);
	check_params(type, &params, &rq);
	write_request(&rq);
	check_ignored(type, &params);
	if (type->is_health) {
		MUST(type->reply == NULL && type->op == NULL);
	} else {
		check_reply(type, &params);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct request rq;
	int parsed, e = take_copy(data, size, ALL, &rq, &parsed);

	MUST(memchr(rq.command, 0, sizeof rq.command) != NULL);
	check_space(&rq, e, data, size);
	if (parsed == 0) {
		check_alone(&rq, e, data, size);
	}
	if (e != 0) {
		check_failure(&rq, e, parsed);
	} else {
		check_success(&rq, size);
	}
	dispatch(data, size);
	return 0;
}
