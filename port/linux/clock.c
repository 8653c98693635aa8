#include "clock.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "port.h"

struct timespec clock_now(clockid_t clock)
{
	struct timespec now;

	/* The C library's function, which avoids the system call, takes 800 bytes.
	 * On 32-bit machines there are two system calls, and a kernel may lack one:
	 * there the C library decides. */
#ifdef SYS_clock_gettime
	(void)syscall(SYS_clock_gettime, clock, &now);
#else
	(void)clock_gettime(clock, &now);
#endif
	return now;
}

uint64_t port_now_ms(void)
{
	struct timespec t = clock_now(CLOCK_MONOTONIC);

	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}
