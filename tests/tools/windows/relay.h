/*
 * The relay's parts: options.c reads its command line, relay.c passes bytes between its
 * clients and the pipe, look.c tells what can be known of the pipe's server.
 */
#ifndef TOOLS_WINDOWS_RELAY_H
#define TOOLS_WINDOWS_RELAY_H

#include <windows.h>
#include <stdbool.h>

#define PREFIX L"\\\\.\\pipe\\"
#define PREFIX_LEN 9
#define NAME_LEN 256

/* The command line: see relay.c. */
struct options {
	bool message, once, info, hidden;
	DWORD late_ms, burst, security, event;
	const wchar_t *exe; /* --text */
	wchar_t pipe[PREFIX_LEN + NAME_LEN + 1]; /* the whole name */
};
extern struct options options;
/* Sets them, or ends the program. */
void parse_options(void);
/* The number that the text begins with; NULL or no digit: 0. */
DWORD parse_number(const wchar_t *text);

void print(const char *text);
/* n as text, which is valid until the next call. */
const char *decimal(DWORD n);
/* Prints what has failed and GetLastError(), and ends the program. */
_Noreturn void fail(const char *what);

/* Opens the pipe, and waits for a free instance. INVALID_HANDLE_VALUE: there is no pipe. */
HANDLE open_pipe(void);

/* --info */
void show_pipe(void);
/* --event */
void send_event(DWORD number);
/* --text */
void show_text(const wchar_t *exe_path, DWORD id);

#endif
