/*
 * A failed assert writes one line to the log. The C library's own would open a
 * message box, or write to standard error, which a service does not have.
 */
#include <windows.h>

#include <stddef.h>

#include "log.h"

/* assert calls it through the pointer of a DLL's function, or directly after optimisation. */
_Noreturn void _assert(const char *what, const char *file, unsigned line);
extern void (*const __imp__assert)(const char *, const char *, unsigned);

_Noreturn void _assert(const char *what, const char *file, unsigned line)
{
	(void)file;
	(void)line;
	log_reason(PORT_LOG_ERROR, "assertion failed:", what, 0);
	log_flush();
	(void)TerminateProcess(GetCurrentProcess(), (UINT)STATUS_ASSERTION_FAILURE);
	__builtin_trap(); /* not reached */
}

void (*const __imp__assert)(const char *, const char *, unsigned) = _assert;
