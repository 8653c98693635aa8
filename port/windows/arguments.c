#include <windows.h>

#include "arguments.h"
#include "err.h"
#include "utf16.h"

#define ARGUMENTS_MAX 64
/* CreateProcess's limit in UTF-16 units, each of which is at most 3 bytes. */
#define COMMAND_LINE_MAX (3 * 32768)

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* The program's name, where a backslash has no special meaning. Returns what follows it. */
static char *take_name(char *from)
{
	char *to = from;
	bool quoted = false;
	bool more;

	for (; *from != '\0' && (quoted || !is_space(*from)); from++) {
		if (*from == '"') {
			quoted = !quoted;
		} else {
			*to++ = *from;
		}
	}
	more = *from != '\0';
	*to = '\0';
	return from + more;
}

/*
 * Unquotes an argument, in place. Backslashes are special only before a quotation
 * mark: two mean one backslash, and an odd one makes the mark an ordinary
 * character. Between quotation marks, two marks mean one. Returns what follows.
 */
static char *take_argument(char *from)
{
	char *to = from;
	bool quoted = false;
	bool more;

	for (;;) {
		size_t slashes = 0;

		while (from[slashes] == '\\') {
			slashes++;
		}
		from += slashes;
		if (*from == '"') {
			bool literal = slashes % 2 == 1 || (quoted && from[1] == '"');

			from += slashes % 2 == 0 && literal ? 2 : 1;
			slashes /= 2;
			quoted ^= !literal;
			for (; slashes > 0; slashes--) {
				*to++ = '\\';
			}
			if (literal) {
				*to++ = '"';
			}
			continue;
		}
		for (; slashes > 0; slashes--) {
			*to++ = '\\';
		}
		if (*from == '\0' || (!quoted && is_space(*from))) {
			break;
		}
		*to++ = *from++;
	}
	more = *from != '\0';
	*to = '\0';
	return from + more;
}

int arguments_take(char ***argv)
{
	static char text[COMMAND_LINE_MAX];
	static char *list[ARGUMENTS_MAX + 1];
	char *p = text;
	int n = 0;

	*argv = list;
	if (utf16_to_utf8(GetCommandLineW(), text, sizeof(text)) == 0) {
		return -ERR_USAGE;
	}
	list[n++] = p;
	p = take_name(p);
	for (;;) {
		while (is_space(*p)) {
			p++;
		}
		if (*p == '\0') {
			list[n] = NULL;
			return n;
		}
		if (n == ARGUMENTS_MAX) {
			return -ERR_USAGE;
		}
		list[n++] = p;
		p = take_argument(p);
	}
}

bool arguments_add(char *buf, size_t cap, size_t *n, const char *argument)
{
	size_t at = *n;
	size_t slashes = 0; /* backslashes right before the next character */

	/* Each character may take two bytes; then a space, two quotation marks, the NUL. */
	for (const char *s = argument; *s != '\0'; s++) {
		at += 2;
	}
	if (at + 4 > cap) {
		return false;
	}
	at = *n;
	if (at > 0) {
		buf[at++] = ' ';
	}
	buf[at++] = '"';
	for (; *argument != '\0'; argument++) {
		for (; *argument == '"' && slashes > 0; slashes--) {
			buf[at++] = '\\';
		}
		if (*argument == '"') {
			buf[at++] = '\\';
		}
		slashes = *argument == '\\' ? slashes + 1 : 0;
		buf[at++] = *argument;
	}
	for (; slashes > 0; slashes--) {
		buf[at++] = '\\';
	}
	buf[at++] = '"';
	buf[at] = '\0';
	*n = at;
	return true;
}
