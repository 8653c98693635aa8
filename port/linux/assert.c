/*
 * A failed assert writes one line to the log. The C library's own would be the
 * only user of printf, which is larger than this whole port.
 */
#include <assert.h>
#include <stddef.h>

#include "log.h"

#ifdef __GLIBC__
typedef unsigned line_number;
#else
typedef int line_number;
#endif

_Noreturn void __assert_fail(const char *what, const char *file, line_number line,
			     const char *function)
{
	(void)file;
	(void)line;
	(void)function;
	log_reason(PORT_LOG_ERROR, "assertion failed:", what, 0);
	__builtin_trap();
}
