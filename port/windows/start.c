/*
 * Where the process begins. The C library's own start would make arguments,
 * environment and streams that nobody here uses, which takes 10 kB and
 * allocates; what we use of that library needs no start.
 */
#include <windows.h>

#include <ntsecapi.h>

int main(int argc, char **argv);

_Noreturn void attestd_start(void);
void __main(void);
int first_handle(void);
_Noreturn void __stack_chk_fail(void);
extern ULONG_PTR __stack_chk_guard;

/* What functions with arrays keep behind those, and compare before they return. */
__attribute__((used)) ULONG_PTR __stack_chk_guard = 0x2b992ddf;

_Noreturn void attestd_start(void)
{
	(void)RtlGenRandom(&__stack_chk_guard, sizeof(__stack_chk_guard));
	ExitProcess((UINT)main(0, NULL));
}

/* ESAPI's rand(), for the first of its handles: they may begin anywhere. */
int first_handle(void)
{
	return 0;
}

/* The compiler has main call this, for constructors; there are none. */
void __main(void)
{
}

__attribute__((used)) _Noreturn void __stack_chk_fail(void)
{
	(void)TerminateProcess(GetCurrentProcess(), (UINT)STATUS_STACK_BUFFER_OVERRUN);
	__builtin_trap(); /* not reached */
}
