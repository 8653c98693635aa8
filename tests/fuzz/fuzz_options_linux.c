/*
 * The values of port/linux's options, and the paths that are made from them. The input:
 * one line for each option; its first byte says which option, the rest is the value.
 */
#include "fuzz.h"

#include <errno.h>

#include "linux/options.h"
#include "linux/sandbox_paths.h"
#include "port.h"

#define SETTINGS_MAX 16

/* ---- the result that a value must have ------------------------------------ */

static struct wanted {
	struct linux_options options;
	struct allowed in, quote;
} want;

static bool number(const char *s, const char *digits, uint64_t max, uint32_t *n)
{
	unsigned long long v;

	errno = 0;
	v = strtoull(s, NULL, (int)strlen(digits));
	if (*s == '\0' || s[strspn(s, digits)] != '\0' || errno != 0 || v > max) {
		return false;
	}
	*n = (uint32_t)v;
	return true;
}

static bool id(const char *s, uint32_t *n)
{
	return number(s, "0123456789", 4294967294, n);
}

static bool want_socket(const char *value)
{
	strncpy(want.options.socket.sun_path, value, sizeof want.options.socket.sun_path);
	want.options.default_socket = false;
	return strlen(value) >= 1 && strlen(value) <= 107 && value[0] != '@';
}

static bool want_mode(const char *value)
{
	return number(value, "01234567", 0777, &want.options.mode);
}

static bool want_owner(const char *value)
{
	return id(value, &want.options.owner);
}

static bool want_group(const char *value)
{
	return id(value, &want.options.group);
}

/* In a list or a pair, an id has at most ten digits. */
static bool want_list(const char *value, struct allowed *l)
{
	char *list = strdup(value);
	char *rest = list;
	char *part;
	bool right = true;

	l->count = 0;
	while (right && (part = strsep(&rest, ",")) != NULL) {
		bool group = part[0] == '@';
		uint32_t number = 0;

		part += group;
		right = l->count < 64 && strlen(part) <= 10 && id(part, &number);
		if (right) {
			l->who[l->count].group = group;
			l->who[l->count++].id = number;
		}
	}
	free(list);
	return right;
}

static bool want_allow(const char *value)
{
	return want_list(value, &want.in);
}

static bool want_allow_quote(const char *value)
{
	return want_list(value, &want.quote);
}

static bool want_tpm(const char *value)
{
	want.options.tpm = value;
	return strlen(value) >= 1 && strlen(value) <= 127;
}

static bool want_endorsement_auth(const char *value)
{
	want.options.endorsement_auth = value;
	return *value != '\0';
}

static bool want_owner_auth(const char *value)
{
	want.options.owner_auth = value;
	return *value != '\0';
}

static bool want_ek_cert(const char *value)
{
	want.options.ek_cert = value;
	return *value != '\0';
}

static bool want_user(const char *value)
{
	char user[11];
	int n = 0;

	return sscanf(value, "%10[0-9]:%n", user, &n) == 1 && n > 0 &&
	       id(user, &want.options.user) && want.options.user != 0 &&
	       id(value + n, &want.options.user_group);
}

static bool want_sandbox(const char *value)
{
	want.options.sandbox = strcmp(value, "on") == 0        ? SANDBOX_ON
			       : strcmp(value, "require") == 0 ? SANDBOX_REQUIRE
							       : SANDBOX_OFF;
	return want.options.sandbox != SANDBOX_OFF || strcmp(value, "off") == 0;
}

static const struct rule {
	const char *option;
	bool (*want)(const char *value); /* returns false if the value is wrong */
} rules[] = {
	{"--socket", want_socket},
	{"--mode", want_mode},
	{"--owner", want_owner},
	{"--group", want_group},
	{"--allow", want_allow},
	{"--tpm", want_tpm},
	{"--user", want_user},
	{"--sandbox", want_sandbox},
	{"--endorsement-auth", want_endorsement_auth},
	{"--ek-cert", want_ek_cert},
	{"--allow-quote", want_allow_quote},
	{"--owner-auth", want_owner_auth},
};
#define RULES (sizeof rules / sizeof *rules)

/* ---- comparison with the result ------------------------------------------- */

static void check_options(void)
{
	const struct linux_options *got = &linux_options, *o = &want.options;

	MUST(got->socket.sun_family == AF_UNIX);
	MUST(strcmp(got->socket.sun_path, o->socket.sun_path) == 0);
	MUST(got->default_socket == o->default_socket);
	MUST(got->mode == o->mode && got->owner == o->owner && got->group == o->group);
	MUST(got->tpm == o->tpm && got->sandbox == o->sandbox);
	MUST(got->endorsement_auth == o->endorsement_auth && got->ek_cert == o->ek_cert);
	MUST(got->owner_auth == o->owner_auth);
	MUST(got->user == o->user && got->user_group == o->user_group);
	MUST(allowed_in.count == want.in.count);
	MUST(allowed_quote.count == want.quote.count);
}

static void check_allowed(const struct allowed *got, const struct allowed *list)
{
	for (size_t i = 0; i < got->count; i++) {
		MUST(got->who[i].group == list->who[i].group);
		MUST(got->who[i].id == list->who[i].id);
	}
}

static void check_paths(void)
{
	memset(&sandbox_paths, 0, sizeof sandbox_paths);
	sandbox_paths_fill();
	MUST(strcmp(sandbox_paths.socket, linux_options.socket.sun_path) == 0);
	for (size_t i = 0; i < DEVICES; i++) {
		size_t n = strnlen(sandbox_paths.tpms[i], DEVICE_MAX);

		MUST(n < DEVICE_MAX);
		if (linux_options.tpm != NULL) {
			MUST(n == (i == 0 ? strlen(linux_options.tpm) : 0));
		}
	}
	MUST(strcmp(sandbox_paths.chips[0].number, "/sys/class/tpm/tpm0/dev") == 0);
	MUST(strcmp(sandbox_paths.chips[CHIPS - 1].version,
		    "/sys/class/tpm/tpm9/tpm_version_major") == 0);
	MUST(strcmp(sandbox_paths.chips[1].pcrs, "/sys/class/tpm/tpm1/pcrs") == 0);
}

/* ---- the input ---------------------------------------------------------- */

static const struct port_option *find(const char *name)
{
	size_t i = 0, n = strlen(name);

	MUST(port_option_count == RULES);
	while (strncmp(port_options[i].name, name, n) != 0 || port_options[i].name[n] != ' ') {
		MUST(++i < port_option_count);
	}
	return &port_options[i];
}

/* Returns false if the value is refused; attestd would then exit. */
static bool set(const struct rule *rule, const char *value)
{
	struct wanted before = want;
	bool right = rule->want(value);

	MUST(find(rule->option)->set(value) == (right ? 0 : -ERR_USAGE));
	if (!right) {
		want = before;
	} else {
		check_allowed(&allowed_in, &want.in);
		check_allowed(&allowed_quote, &want.quote);
	}
	check_options();
	return right;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct linux_options defaults;
	char *values[SETTINGS_MAX];
	size_t count = 0;
	bool right = true;

	if (defaults.socket.sun_family == 0) {
		defaults = linux_options;
	}
	linux_options = defaults;
	memset(&allowed_in, 0, sizeof allowed_in);
	memset(&allowed_quote, 0, sizeof allowed_quote);
	memset(&want, 0, sizeof want);
	want.options = defaults;
	while (right && size > 0 && count < SETTINGS_MAX) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t n = end != NULL ? (size_t)(end - data) : size;

		/* in a block of just its size; it lives as long as the program */
		values[count] = strndup((const char *)data + 1, n > 0 ? n - 1 : 0);
		right = set(&rules[*data % RULES], values[count++]);
		n += n < size;
		data += n;
		size -= n;
	}
	if (right) {
		check_paths();
	}
	while (count > 0) {
		free(values[--count]);
	}
	return 0;
}
