/*
 * attestd: a machine's TPM 2.0 behind a small JSON protocol.
 */
#include <string.h>

#include "bounds.h"
#include "err.h"
#include "port.h"
#include "service/log.h"
#include "service/options.h"
#include "service/server.h"
#include "wire/json.h"
#include "wire/text.h"
#include "wire/wipe.h"

/* sysexits.h's EX_USAGE. */
#define EXIT_USAGE 64

static int fail(const char *what, int err)
{
	log_event(PORT_LOG_ERROR, what, err, 0);
	return 1;
}

/* A command's bare name becomes the request it stands for. */
static const char *request_text(const char *argument, char *buf, size_t cap)
{
	struct text t = text_in(buf, cap - 1);

	if (argument == NULL || argument[0] == '{') {
		return argument;
	}
	text_str(&t, "{\"command\":\"");
	text_str(&t, argument);
	text_str(&t, "\"}");
	buf[t.len] = '\0';
	return t.cut ? argument : buf;
}

static bool reply_is_ok(const uint8_t *reply, size_t n)
{
	static struct json_object object;

	if (json_parse(reply, n, &object) != 0) {
		return false;
	}
	for (size_t i = 0; i < object.count; i++) {
		if (json_equal(object.members[i].key, "status")) {
			return object.members[i].kind == JSON_STRING &&
			       json_equal(object.members[i].value, "ok");
		}
	}
	return false;
}

static int call(const struct options *o)
{
	static uint8_t reply[TX_MAX + 1]; /* and a line end */
	char request[128];
	size_t n;
	bool ok;
	int r;

	(void)port_sandbox_enter(PORT_CALL); /* the reply may be a secret */
	r = port_call(request_text(o->request, request, sizeof request), reply, TX_MAX, &n);
	if (r != 0) {
		return fail("call", r);
	}
	ok = reply_is_ok(reply, n);
	reply[n] = '\n';
	r = port_print(false, (const char *)reply, n + 1);
	wipe(reply, sizeof reply);
	return ok && r == 0 ? 0 : 1;
}

/* One of the port's commands. */
static int command(const struct options *o)
{
	int r = o->command->run(o->command_args);

	return r < 0 ? fail(o->command->name, r) : r;
}

static int serve(enum port_mode mode, uint32_t grace_ms)
{
	int r;

	port_state(PORT_STARTING);
	r = port_listen(mode);
	if (r != 0) {
		return fail("listening", r);
	}
	r = port_sandbox_enter(mode);
	if (r != 0) {
		port_unlisten();
		return fail("sandbox", r);
	}
	return server_run(mode, grace_ms);
}

static int attestd(int argc, char **argv)
{
	struct options o;
	const char *wrong;

	if (options_parse(argc, argv, &o, &wrong) != 0) {
		(void)port_print(true, "attestd: wrong argument: ", 25);
		(void)port_print(true, wrong, strlen(wrong));
		(void)port_print(true, "\n\n", 2);
		(void)options_usage(true);
		return EXIT_USAGE;
	}
	if (o.help) {
		return options_usage(false) == 0 ? 0 : 1;
	}
	if (o.version) {
		return port_print(false, "attestd " ATTESTD_VERSION "\n",
				  sizeof "attestd " ATTESTD_VERSION) == 0
			       ? 0
			       : 1;
	}
	log_set_level(o.log_level);
	if (o.command != NULL) {
		return command(&o);
	}
	return o.mode == PORT_CALL ? call(&o) : serve(o.mode, o.grace_ms);
}

int main(int argc, char **argv)
{
	return port_run(argc, argv, attestd);
}
