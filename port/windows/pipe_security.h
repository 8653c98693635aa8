/*
 * Who may use the pipe, and who may quote.
 */
#ifndef WINDOWS_PIPE_SECURITY_H
#define WINDOWS_PIPE_SECURITY_H

#include <stdbool.h>
#include <wchar.h>
#include <windows.h>

/*
 * Makes a security descriptor of its text form; LocalFree frees it. NULL if the
 * text is wrong, or has no DACL, or one that lets everybody in (NULL) or nobody
 * (empty).
 */
PSECURITY_DESCRIPTOR pipe_security_parse(const wchar_t *sddl);

/*
 * Prepares what pipe_security_parse returned for pipe_security_grants: generic
 * rights become those of a file. -ERR_USAGE: it has an entry that is not one.
 */
int pipe_security_map(PSECURITY_DESCRIPTOR security);
/*
 * Does it let this token read and write? So it would let the token's holder in,
 * if it were the pipe's. False also if that cannot be found out.
 */
bool pipe_security_grants(PSECURITY_DESCRIPTOR security, HANDLE token);

/*
 * For making the pipe's instances: only the account of this process may use them.
 * In static storage. NULL: GetLastError() has the reason.
 */
SECURITY_ATTRIBUTES *pipe_security_own(void);

/*
 * Replaces that by the DACL of --sddl, or the default one, on the pipe of this
 * instance (made with WRITE_DAC). -ERR_IO: GetLastError() has the reason.
 */
int pipe_security_apply(HANDLE pipe);

#endif
