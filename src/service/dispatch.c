#include <string.h>

#include "err.h"
#include "service/dispatch.h"
#include "wire/reply.h"
#include "wire/request.h"
#include "wire/wipe.h"

static const uint8_t *cert_or_null(const struct identity *id)
{
	return id->ek_cert_len == 0 ? NULL : id->ek_cert;
}

static void members_ek(struct text *reply, const struct identity *id,
		       const struct tpm_result *result)
{
	(void)result;
	reply_member(reply, "ek_public", id->ek_spki, id->ek_spki_len);
	reply_member(reply, "ek_cert", cert_or_null(id), id->ek_cert_len);
	reply_member(reply, "ek_tpm", id->keys[KEY_EK].tpm, id->keys[KEY_EK].tpm_len);
	reply_text(reply, "ek_cert_source", id->ek_cert_source);
	if (id->ek_cert_len == 0 && id->ek_cert_url[0] != '\0') {
		reply_text(reply, "ek_cert_url", id->ek_cert_url);
	}
}

static void members_attestation(struct text *reply, const struct identity *id,
				const struct tpm_result *result)
{
	const struct key_public *aik = &id->keys[KEY_AIK];

	(void)result;
	reply_member(reply, "ek_pub", id->ek_spki, id->ek_spki_len);
	reply_member(reply, "ek_cert", cert_or_null(id), id->ek_cert_len);
	reply_member(reply, "aik_name", aik->name, aik->name_len);
	reply_member(reply, "ek_tpm", id->keys[KEY_EK].tpm, id->keys[KEY_EK].tpm_len);
	reply_member(reply, "aik_tpm", aik->tpm, aik->tpm_len);
}

static void members_secret(struct text *reply, const struct identity *id,
			   const struct tpm_result *result)
{
	(void)id;
	reply_member(reply, "decrypted_secret", result->secret, result->secret_len);
}

static const struct command commands[] = {
	{"getEK", FACT_CERT, NULL, "", members_ek},
	{"getAttestationData", FACT_CERT | FACT_AIK, NULL, "", members_attestation},
	{"activateCredential", FACT_AIK, &credential_operation,
	 "ActivateCredential failed: ", members_secret},
};

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		if (strcmp(commands[i].name, name) == 0) {
			return &commands[i];
		}
	}
	return NULL;
}

int dispatch_parse(const uint8_t *line, size_t n, const struct command **command,
		   struct credential *credential, struct refusal *why)
{
	static struct request rq;
	int r = request_parse(line, n, &rq);

	*command = find(rq.command);
	if (r != 0 && rq.in_fields && (*command == NULL || (*command)->op == NULL)) {
		r = 0; /* in members that mean nothing to this command */
		rq.culprit = NULL;
	}
	if (r == 0 && *command == NULL) {
		r = -ERR_COMMAND;
	}
	if (r == 0 && (*command)->op != NULL) {
		r = credential_from_request(&rq, EK_HMAC_LEN, EK_KEY_LEN, credential);
	}
	why->err = r;
	why->field = rq.culprit;
	wipe(rq.store, n < sizeof rq.store ? n : sizeof rq.store);
	return r;
}

void dispatch_reply(const struct command *command, const struct tpm_result *result,
		    struct text *reply)
{
	reply_ok(reply);
	command->members(reply, tpm_identity(), result);
	reply_end(reply);
}

void dispatch_refuse(const struct command *command, struct refusal why, uint32_t tpm_rc,
		     struct text *reply)
{
	/* Older clients know these two texts as they are. */
	bool bare = command == NULL || why.err == -ERR_COMMAND || why.err == -ERR_FIELDS;

	reply_error(reply, why.err, bare ? "" : command->error_prefix, why.field, tpm_rc);
}
