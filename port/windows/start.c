/*
 * Where the process begins. The C library's own start would prepare arguments,
 * environment and streams, which attestd does not use; that takes 10 kB and
 * allocates. The functions of that library that attestd uses need no start.
 */
#include <windows.h>

#include <ntsecapi.h>

int main(int argc, char **argv);

_Noreturn void attestd_start(void);
void __main(void);
int first_handle(void);
_Noreturn void __stack_chk_fail(void);
extern ULONG_PTR __stack_chk_guard;

/* The stack protector's canary: functions with arrays compare it before they return. */
__attribute__((used)) ULONG_PTR __stack_chk_guard = 0x2b992ddf;

_Noreturn void attestd_start(void)
{
	(void)RtlGenRandom(&__stack_chk_guard, sizeof(__stack_chk_guard));
	ExitProcess((UINT)main(0, NULL));
}

/* ESAPI calls this in place of rand(), for its first handle, which may be any number. */
int first_handle(void)
{
	return 0;
}

/* The compiler has main call this for constructors, of which there are none. */
void __main(void)
{
}

__attribute__((used)) _Noreturn void __stack_chk_fail(void)
{
	(void)TerminateProcess(GetCurrentProcess(), (UINT)STATUS_STACK_BUFFER_OVERRUN);
	__builtin_trap(); /* not reached */
}
