/*
 * Linked into the builds that count coverage: counts also what was run in processes that end
 * with _exit, as the unit tests' processes do.
 */
void __gcov_dump(void);
_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);

_Noreturn void __wrap__exit(int status)
{
	__gcov_dump();
	__real__exit(status);
}
