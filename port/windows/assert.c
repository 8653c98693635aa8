/*
 * A failed assert is one line in the log. The C library's own would open a
 * message box, or write to a standard error that a service does not have.
 */
#include <windows.h>

#include <stddef.h>
#include <wchar.h>

#include "log.h"
#include "wide.h"

static _Noreturn void fail(const char *what)
{
	log_reason(PORT_LOG_ERROR, "assertion failed:", what, 0);
	log_flush();
	(void)TerminateProcess(GetCurrentProcess(), (UINT)STATUS_ASSERTION_FAILURE);
	__builtin_trap(); /* not reached */
}

/*
 * What assert calls, the second where UNICODE is defined: through the pointers
 * by which functions of a DLL are reached, or directly after optimisation.
 */
_Noreturn void _assert(const char *what, const char *file, unsigned line);
_Noreturn void _wassert(const wchar_t *what, const wchar_t *file, unsigned line);
extern void (*const __imp__assert)(const char *, const char *, unsigned);
extern void (*const __imp__wassert)(const wchar_t *, const wchar_t *, unsigned);

_Noreturn void _assert(const char *what, const char *file, unsigned line)
{
	(void)file;
	(void)line;
	fail(what);
}

_Noreturn void _wassert(const wchar_t *what, const wchar_t *file, unsigned line)
{
	char text[200];

	(void)file;
	(void)line;
	fail(wide_to_utf8(what, text, sizeof(text)) > 0 ? text : "(too long)");
}

void (*const __imp__assert)(const char *, const char *, unsigned) = _assert;
void (*const __imp__wassert)(const wchar_t *, const wchar_t *, unsigned) = _wassert;
