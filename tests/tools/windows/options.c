/*
 * The relay's command line. Windows hands over one text, and wine for arm64 has no C library
 * that would split it.
 */
#include <windows.h>
#include <stdbool.h>

#include "relay.h"

/* Returns the next word of the command line, cut off in place; NULL: there is none. */
static wchar_t *next_word(wchar_t **rest)
{
	wchar_t *word, *to, *from = *rest;
	bool quoted = false;

	while (*from == L' ') {
		from++;
	}
	if (*from == L'\0') {
		return NULL;
	}
	word = to = from;
	for (; *from != L'\0' && (quoted || *from != L' '); from++) {
		if (*from == L'"') {
			quoted = !quoted;
		} else {
			*to++ = *from;
		}
	}
	*rest = *from == L'\0' ? from : from + 1;
	*to = L'\0';
	return word;
}

DWORD parse_number(const wchar_t *text)
{
	DWORD n = 0;

	for (; text != NULL && *text >= L'0' && *text <= L'9'; text++) {
		n = n * 10 + (DWORD)(*text - L'0');
	}
	return n;
}

void parse_options(void)
{
	wchar_t *rest = GetCommandLineW(), *word, *name = NULL;

	next_word(&rest); /* the program */
	while ((word = next_word(&rest)) != NULL) {
		if (lstrcmpW(word, L"--message") == 0) {
			options.message = true;
		} else if (lstrcmpW(word, L"--once") == 0) {
			options.once = true;
		} else if (lstrcmpW(word, L"--info") == 0) {
			options.info = true;
		} else if (lstrcmpW(word, L"--late") == 0) {
			options.late_ms = parse_number(next_word(&rest));
		} else if (lstrcmpW(word, L"--burst") == 0) {
			options.burst = parse_number(next_word(&rest));
		} else if (lstrcmpW(word, L"--event") == 0) {
			options.event = parse_number(next_word(&rest));
		} else if (lstrcmpW(word, L"--text") == 0) {
			options.exe = next_word(&rest);
		} else if (lstrcmpW(word, L"--anonymous") == 0) {
			options.security = SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS;
		} else if (lstrcmpW(word, L"--hidden") == 0) {
			options.hidden = true;
		} else {
			name = word;
		}
	}
	if (name == NULL || lstrlenW(name) > NAME_LEN) {
		SetLastError(ERROR_INVALID_PARAMETER);
		fail("usage");
	}
	if (*name != L'\\') {
		lstrcpyW(options.pipe, PREFIX);
	}
	lstrcatW(options.pipe, name);
}
