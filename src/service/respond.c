#include "service/respond.h"

#include "base/text.h"
#include "port.h"
#include "service/cert_retry.h"
#include "service/client.h"
#include "service/log_lines.h"

static bool any_error;

static struct text reply_buffer(unsigned c)
{
	size_t cap;
	uint8_t *p = port_tx(c, &cap);

	return text_in((char *)p, cap);
}

void respond_success(unsigned c, const struct tpm_result *result, uint64_t now)
{
	const struct request_type *type = clients[c].type;
	struct text reply = reply_buffer(c);

	dispatch_reply(type, &clients[c].params, result, &reply);
	cert_retry_consider(client_facts(c), clients[c].params.aik);
	if (type->before_activation) {
		tpm_expect_activation(now);
	}
	log_request(type->name, 0, 0, result == NULL ? 0 : result->commands, c);
	client_send(c, reply.len, now);
}

/* Writes the reply and the log line; returns the reply's length. */
static size_t write_error(unsigned c, const struct request_type *type, struct request_error error,
			  uint32_t tpm_rc, uint32_t tpm_commands)
{
	struct text reply = reply_buffer(c);

	dispatch_error_reply(type, error, tpm_rc, &reply);
	log_request(type == NULL ? "-" : type->name, error.err, tpm_rc, tpm_commands, c);
	return reply.len;
}

void respond_error(unsigned c, const struct request_type *type, struct request_error error,
		   uint64_t now)
{
	any_error = true;
	client_send(c, write_error(c, type, error, 0, 0), now);
}

void respond_failed_job(unsigned c, const struct tpm_result *result, uint64_t now)
{
	struct request_error error = {result->err, result->field};

	any_error = true;
	client_send(c, write_error(c, clients[c].type, error, result->rc, result->commands), now);
}

void respond_health(unsigned c, const struct health *health, uint64_t now)
{
	struct text reply = reply_buffer(c);

	any_error = any_error || health->err != 0;
	health_reply(health, &reply);
	log_request(clients[c].type->name, health->err, health->tpm_rc, 0, c);
	client_send(c, reply.len, now);
}

void respond_turn_away(unsigned c, int err)
{
	port_turn_away(c, write_error(c, NULL, (struct request_error){err, NULL}, 0, 0));
}

bool respond_any_error(void)
{
	return any_error;
}
