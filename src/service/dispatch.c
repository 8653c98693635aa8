#include <string.h>

#include "base/wipe.h"
#include "err.h"
#include "service/dispatch.h"
#include "wire/pcr_list.h"
#include "wire/reply.h"

/* ---- members of requests -------------------------------------------------- */

/* Notes which member is wrong; returns err. */
static int wrong_member(struct request *rq, enum request_field field, int err)
{
	rq->culprit = request_field_names[field];
	return err;
}

/* A text that a member may have, and the value that it stands for. */
struct choice {
	char text[8];
	uint16_t value;
};

/* Leaves *value as it is if the member is absent. */
static int choose(struct request *rq, enum request_field field, const struct choice *choices,
		  size_t count, uint16_t *value)
{
	struct request_bytes is = rq->field[field];

	if (is.p == NULL) {
		return 0;
	}
	for (size_t i = 0; i < count; i++) {
		if (is.n == strlen(choices[i].text) && memcmp(is.p, choices[i].text, is.n) == 0) {
			*value = choices[i].value;
			return 0;
		}
	}
	return wrong_member(rq, field, -ERR_VALUE);
}

static int choose_aik(struct request *rq, struct request_params *params)
{
	static const struct choice aiks[] = {{"ecc", KEY_AIK_ECC}, {"rsa", KEY_AIK_RSA}};
	uint16_t aik = KEY_AIK_ECC;
	int r = choose(rq, FIELD_AIK, aiks, sizeof aiks / sizeof *aiks, &aik);

	params->aik = (enum key_index)aik;
	return r;
}

static int check_credential(struct request *rq, struct request_params *params)
{
	params->kind = PARAMS_CREDENTIAL;
	return credential_from_request(rq, EK_HMAC_LEN, EK_KEY_LEN, &params->as.credential);
}

static int check_nonce(struct request *rq, struct request_params *params)
{
	const struct request_bytes *nonce = &rq->field[FIELD_NONCE];

	params->kind = PARAMS_NONCE;
	if (nonce->p == NULL) {
		return wrong_member(rq, FIELD_NONCE, -ERR_FIELDS);
	}
	if (nonce->n == 0 || nonce->n > NONCE_MAX) {
		return wrong_member(rq, FIELD_NONCE, -ERR_NONCE_SIZE);
	}
	memcpy(params->as.sign.nonce, nonce->p, nonce->n);
	params->as.sign.nonce_len = nonce->n;
	return 0;
}

static const struct choice banks[] = {
	{"sha256", BANK_SHA256},
	{"sha1", BANK_SHA1},
	{"sha384", BANK_SHA384},
	{"sha512", BANK_SHA512},
};
#define BANKS (sizeof banks / sizeof *banks)

static int check_quote(struct request *rq, struct request_params *params)
{
	const struct request_bytes *pcrs = &rq->field[FIELD_PCRS];
	int r = check_nonce(rq, params);

	if (r != 0) {
		return r;
	}
	if (pcrs->p == NULL) {
		return wrong_member(rq, FIELD_PCRS, -ERR_FIELDS);
	}
	if (pcr_list_parse((const char *)pcrs->p, pcrs->n, &params->as.sign.pcrs) != 0) {
		return wrong_member(rq, FIELD_PCRS, -ERR_VALUE);
	}
	params->as.sign.bank = BANK_SHA256;
	return choose(rq, FIELD_PCR_BANK, banks, BANKS, &params->as.sign.bank);
}

/* ---- members of replies --------------------------------------------------- */

static const uint8_t *cert_or_null(const struct identity *id)
{
	return id->ek_cert_len == 0 ? NULL : id->ek_cert;
}

static void reply_ek(struct text *reply, const struct identity *id,
		     const struct request_params *params, const struct tpm_result *result)
{
	(void)params;
	(void)result;
	reply_member(reply, "ek_public", id->ek_spki, id->ek_spki_len);
	reply_member(reply, "ek_cert", cert_or_null(id), id->ek_cert_len);
	reply_member(reply, "ek_tpm", id->keys[KEY_EK].tpm, id->keys[KEY_EK].tpm_len);
	reply_text(reply, "ek_cert_source", id->ek_cert_source);
	if (id->ek_cert_len == 0 && id->ek_cert_url[0] != '\0') {
		reply_text(reply, "ek_cert_url", id->ek_cert_url);
	}
}

static void reply_attestation(struct text *reply, const struct identity *id,
			      const struct request_params *params, const struct tpm_result *result)
{
	const struct key_public *aik = &id->keys[params->aik];
	const struct signed_attest *created = &aik->created;

	(void)result;
	reply_member(reply, "ek_pub", id->ek_spki, id->ek_spki_len);
	reply_member(reply, "ek_cert", cert_or_null(id), id->ek_cert_len);
	reply_member(reply, "aik_name", aik->name, aik->name_len);
	reply_member(reply, "ek_tpm", id->keys[KEY_EK].tpm, id->keys[KEY_EK].tpm_len);
	reply_member(reply, "aik_tpm", aik->tpm, aik->tpm_len);
	reply_member(reply, "aik_creation", aik->creation, aik->creation_len);
	reply_member(reply, "aik_attest", created->attest_len == 0 ? NULL : created->attest,
		     created->attest_len);
	reply_member(reply, "aik_signature", created->attest_len == 0 ? NULL : created->signature,
		     created->signature_len);
}

static void reply_secret(struct text *reply, const struct identity *id,
			 const struct request_params *params, const struct tpm_result *result)
{
	(void)id;
	(void)params;
	reply_member(reply, "decrypted_secret", result->secret, result->secret_len);
}

static void reply_quote(struct text *reply, const struct identity *id,
			const struct request_params *params, const struct tpm_result *result)
{
	const uint8_t *value = result->pcr_values;
	size_t bank = 0;

	(void)id;
	while (banks[bank].value != params->as.sign.bank) {
		bank++;
	}
	reply_member(reply, "quoted", result->sign.attest, result->sign.attest_len);
	reply_member(reply, "signature", result->sign.signature, result->sign.signature_len);
	reply_text(reply, "pcr_bank", banks[bank].text);
	reply_open(reply, "pcr_values", '{');
	for (unsigned pcr = 0; pcr < PCR_COUNT; pcr++) {
		if (params->as.sign.pcrs & 1U << pcr) {
			char name[3];
			struct text number = text_in(name, sizeof name - 1);

			text_dec(&number, pcr, 1);
			name[number.len] = '\0';
			reply_member(reply, name, value, result->pcr_len);
			value += result->pcr_len;
		}
	}
	reply_close(reply, '}');
}

static void reply_certify(struct text *reply, const struct identity *id,
			  const struct request_params *params, const struct tpm_result *result)
{
	(void)id;
	(void)params;
	reply_member(reply, "certify_info", result->sign.attest, result->sign.attest_len);
	reply_member(reply, "signature", result->sign.signature, result->sign.signature_len);
}

static void reply_chain(struct text *reply, const struct identity *id,
			const struct request_params *params, const struct tpm_result *result)
{
	(void)params;
	(void)result;
	reply_open(reply, "ek_chain", '[');
	for (unsigned i = 0; i < id->ek_chain.count; i++) {
		reply_element(reply, id->ek_chain.raw + id->ek_chain.certs[i].at,
			      id->ek_chain.certs[i].len);
	}
	reply_close(reply, ']');
}

/* ---- the table of request types ------------------------------------------- */

#define CREDENTIAL                                                              \
	(FIELD_BIT(FIELD_CREDENTIAL_BLOB) | FIELD_BIT(FIELD_ENCRYPTED_SECRET) | \
	 FIELD_BIT(FIELD_HMAC) | FIELD_BIT(FIELD_ENC))
#define AIK FIELD_BIT(FIELD_AIK)
#define NONCE FIELD_BIT(FIELD_NONCE)
#define PCRS (FIELD_BIT(FIELD_PCRS) | FIELD_BIT(FIELD_PCR_BANK))

static const struct request_type request_types[] = {
	{.name = "getEK", .facts = FACT_CERT, .reply = reply_ek},
	{.name = "getEKChain", .facts = FACT_CHAIN, .reply = reply_chain},
	{.name = "getAttestationData",
	 .members = AIK,
	 .facts = FACT_CERT,
	 .before_activation = true,
	 .reply = reply_attestation},
	{.name = "activateCredential",
	 .error_prefix = "ActivateCredential failed: ",
	 .members = CREDENTIAL | AIK,
	 .op = &activate_operation,
	 .check = check_credential,
	 .reply = reply_secret},
	{.name = "quote",
	 .members = AIK | NONCE | PCRS,
	 .op = &quote_operation,
	 .signs = true,
	 .before_activation = true,
	 .check = check_quote,
	 .reply = reply_quote},
	{.name = "certify",
	 .members = AIK | NONCE,
	 .op = &certify_operation,
	 .signs = true,
	 .check = check_nonce,
	 .reply = reply_certify},
	{.name = "getHealth", .is_health = true},
};

static const struct request_type *find(const char *name)
{
	for (size_t i = 0; i < sizeof request_types / sizeof *request_types; i++) {
		if (strcmp(request_types[i].name, name) == 0) {
			return &request_types[i];
		}
	}
	return NULL;
}

/* Decodes and checks the members that this type of request has. */
static int take_members(const struct request_type *type, struct request *rq,
			struct request_params *params)
{
	int r = request_take(rq, type->members);

	if (r == 0) {
		r = choose_aik(rq, params);
	}
	return r == 0 && type->check != NULL ? type->check(rq, params) : r;
}

int dispatch_parse(const uint8_t *line, size_t n, const struct request_type **type,
		   struct request_params *params, struct request_error *error)
{
	static struct request rq;
	int r = request_parse(line, n, &rq);

	memset(params, 0, sizeof *params);
	*type = find(rq.command);
	if (r == 0) {
		r = *type == NULL ? -ERR_COMMAND : take_members(*type, &rq, params);
	}
	error->err = r;
	error->field = rq.culprit;
	request_wipe(&rq);
	return r;
}

unsigned dispatch_facts(const struct request_type *type, const struct request_params *params)
{
	return type->facts | ((type->members & AIK) != 0 ? FACT_OF_AIK(params->aik) : 0);
}

void dispatch_reply(const struct request_type *type, const struct request_params *params,
		    const struct tpm_result *result, struct text *reply)
{
	reply_ok(reply);
	type->reply(reply, tpm_identity(), params, result);
	reply_end(reply);
}

void dispatch_error_reply(const struct request_type *type, struct request_error error,
			  uint32_t tpm_rc, struct text *reply)
{
	/* Older clients compare these two messages as a whole. */
	bool bare = type == NULL || type->error_prefix == NULL || error.err == -ERR_COMMAND ||
		    error.err == -ERR_FIELDS;

	reply_error(reply, error.err, bare ? "" : type->error_prefix, error.field, tpm_rc);
	reply_end(reply);
}
