/*
 * The relay's parts: relay.c has its clients, look.c what it can tell of the
 * pipe's server.
 */
#ifndef TOOLS_WINDOWS_RELAY_H
#define TOOLS_WINDOWS_RELAY_H

#include <windows.h>

void print(const char *text);
/* Valid until the next call. */
const char *decimal(DWORD n);
/* Says so, with GetLastError(), and ends the program. */
_Noreturn void fail(const char *what);

/* The pipe that was asked for; waits for a free instance. INVALID_HANDLE_VALUE: there is none. */
HANDLE open_pipe(void);

/* --info */
void show_pipe(void);
/* --event */
void send_event(DWORD number);
/* --text */
void show_text(const wchar_t *exe_path, DWORD id);

#endif
