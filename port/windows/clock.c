#include <windows.h>

#include "port.h"

/*
 * This clock stops while the machine sleeps, as the time limits of Windows' waits
 * do, so that a client does not run out of time when the lid is closed. It advances
 * with the system's tick (1 to 16 ms), as these limits do.
 */
uint64_t port_now_ms(void)
{
	ULONGLONG ticks; /* of 100 ns */

	(void)QueryUnbiasedInterruptTime(&ticks);
	return ticks / 10000;
}
