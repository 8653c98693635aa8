#include <wchar.h>

#include "ek_cert.h"
#include "err.h"
#include "options.h"
#include "pipe_security.h"
#include "port.h"
#include "utf16.h"

/* Beside L"", a plain string literal becomes a wide one. */
#define WIDE(text) L"" text

#define SDDL_MAX 2048

struct windows_options windows_options = {
	.pipe = WIDE(DEFAULT_PIPE),
	.pipe_text = DEFAULT_PIPE,
};

static bool has_prefix(const wchar_t *s, size_t n)
{
	return n >= PIPE_PREFIX_LEN && CompareStringOrdinal(s, PIPE_PREFIX_LEN, WIDE(PIPE_PREFIX),
							    PIPE_PREFIX_LEN, TRUE) == CSTR_EQUAL;
}

/* No name has a backslash, and the system takes a slash for one. */
static bool is_name(const wchar_t *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] < 0x20 || s[i] == L'\\' || s[i] == L'/') {
			return false;
		}
	}
	return n > 0 && n <= PIPE_NAME_LEN;
}

static int set_pipe(const char *value)
{
	static wchar_t pipe[PIPE_PREFIX_LEN + PIPE_NAME_LEN + 1];
	wchar_t text[PIPE_PREFIX_LEN + PIPE_NAME_LEN + 1];
	const wchar_t *name = text;
	size_t n = utf16_from_utf8(value, text, sizeof(text) / sizeof(text[0]));

	if (n == 0) {
		return -ERR_USAGE;
	}
	n--; /* its NUL */
	if (has_prefix(text, n)) {
		name += PIPE_PREFIX_LEN;
		n -= PIPE_PREFIX_LEN;
	}
	if (!is_name(name, n)) {
		return -ERR_USAGE;
	}
	wmemcpy(pipe, WIDE(PIPE_PREFIX), PIPE_PREFIX_LEN);
	wmemcpy(pipe + PIPE_PREFIX_LEN, name, n + 1);
	windows_options.pipe = pipe;
	windows_options.pipe_text = value;
	return 0;
}

/* Frees the value of an earlier option of the same name. */
static int set_security(const char *value, PSECURITY_DESCRIPTOR *to)
{
	wchar_t text[SDDL_MAX];
	PSECURITY_DESCRIPTOR security;

	if (utf16_from_utf8(value, text, SDDL_MAX) == 0) {
		return -ERR_USAGE;
	}
	security = pipe_security_parse(text);
	if (security == NULL) {
		return -ERR_USAGE;
	}
	(void)LocalFree(*to);
	*to = security;
	return 0;
}

static int set_sddl(const char *value)
{
	return set_security(value, &windows_options.security);
}

static int set_allow_quote(const char *value)
{
	int r = set_security(value, &windows_options.quote);

	return r < 0 ? r : pipe_security_map(windows_options.quote);
}

const struct port_option port_options[] = {
	{"--pipe NAME", "the named pipe (" DEFAULT_PIPE ")", PORT_SERVE | PORT_CALL, set_pipe},
	{"--sddl SDDL", "who may use the pipe (SYSTEM and Administrators)", PORT_SERVE, set_sddl},
	{"--allow-quote SDDL", "who may quote and certify (all)", PORT_SERVE, set_allow_quote},
	{"--ek-cert FILE", "the EK's certificate, where the TPM holds none: DER or PEM",
	 PORT_SERVE | PORT_ONCE, ek_cert_file},
};
const unsigned port_modes = PORT_SERVE | PORT_ONCE | PORT_CALL;
const size_t port_option_count = sizeof(port_options) / sizeof(port_options[0]);
