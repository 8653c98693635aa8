#include <string.h>

#include "base/text.h"
#include "err.h"
#include "service/log_lines.h"

#define LINE_MAX 256

static enum port_log_level limit = PORT_LOG_INFO;

static const char level_names[][8] = {
	[PORT_LOG_ERROR] = "error",
	[PORT_LOG_WARNING] = "warning",
	[PORT_LOG_INFO] = "info",
	[PORT_LOG_DEBUG] = "debug",
};

void log_set_level(enum port_log_level level)
{
	limit = level;
}

int log_level_parse(const char *name, enum port_log_level *level)
{
	for (unsigned i = 0; i < sizeof level_names / sizeof *level_names; i++) {
		if (strcmp(name, level_names[i]) == 0) {
			*level = (enum port_log_level)i;
			return 0;
		}
	}
	return -ERR_USAGE;
}

bool log_wants(enum port_log_level level)
{
	return level <= limit;
}

static void emit(enum port_log_level level, struct text *t)
{
	for (size_t i = 0; i < t->len; i++) {
		if (t->p[i] < ' ' || t->p[i] > '~') {
			t->p[i] = '?';
		}
	}
	port_log(level, t->p, t->len);
}

static void put_rc(struct text *t, uint32_t rc)
{
	if (rc != 0) {
		text_str(t, " tpm_rc=");
		text_hex(t, rc, 3);
	}
}

void log_event(enum port_log_level level, const char *what, int err, uint32_t rc)
{
	char line[LINE_MAX];
	struct text t = text_in(line, sizeof line);

	if (!log_wants(level)) {
		return;
	}
	text_str(&t, what);
	if (err != 0) {
		text_str(&t, ": ");
		text_str(&t, err_name(err));
		text_str(&t, ": ");
		text_str(&t, err_message(err));
	}
	put_rc(&t, rc);
	emit(level, &t);
}

void log_tpm(bool warning, const char *what, int err, uint32_t rc)
{
	log_event(warning ? PORT_LOG_WARNING : PORT_LOG_INFO, what, err, rc);
}

void log_request(const char *type, int err, uint32_t rc, uint32_t tpm_commands, unsigned conn)
{
	char line[LINE_MAX];
	struct text t = text_in(line, sizeof line);
	struct port_id id;

	if (!log_wants(PORT_LOG_INFO)) {
		return;
	}
	port_peer(conn, &id);
	text_str(&t, type);
	text_str(&t, " ");
	text_str(&t, err_name(err));
	put_rc(&t, rc);
	text_str(&t, " tpm_commands=");
	text_dec(&t, tpm_commands, 1);
	text_str(&t, " ");
	text_str(&t, id.text);
	emit(PORT_LOG_INFO, &t);
}
