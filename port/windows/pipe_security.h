/*
 * Who may use the pipe, and who of those may quote.
 */
#ifndef WINDOWS_PIPE_SECURITY_H
#define WINDOWS_PIPE_SECURITY_H

#include <stdbool.h>
#include <wchar.h>
#include <windows.h>

/*
 * A security descriptor of its text form, to be freed by LocalFree. NULL if
 * the text is wrong or has no DACL, or one that lets everybody in (NULL), or
 * nobody (empty).
 */
PSECURITY_DESCRIPTOR pipe_security_parse(const wchar_t *sddl);

/*
 * Makes what pipe_security_parse gave ready for pipe_security_grants: its
 * generic rights become those of a file. -ERR_USAGE: an entry is none.
 */
int pipe_security_map(PSECURITY_DESCRIPTOR security);
/*
 * Does it let this token read and write, so that as the pipe's it would let
 * its holder in? No where that cannot be found out.
 */
bool pipe_security_grants(PSECURITY_DESCRIPTOR security, HANDLE token);

/*
 * What the pipe's instances are made with: only the account that this process
 * runs as may use them. Static storage; NULL: GetLastError() has the reason.
 */
SECURITY_ATTRIBUTES *pipe_security_own(void);

/*
 * Replaces that, on the pipe of this instance (opened with WRITE_DAC), by the
 * DACL of --sddl or the default. -ERR_IO: GetLastError() has the reason.
 */
int pipe_security_apply(HANDLE pipe);

#endif
