#include <windows.h>

#include "port.h"

/*
 * Stands still while the machine sleeps, as the time-outs of Windows' waits
 * do: who closes the lid does not lose its client. It steps with the system's
 * tick (1 to 16 ms), which is as fine as those time-outs are.
 */
uint64_t port_now_ms(void)
{
	ULONGLONG ticks; /* of 100 ns */

	(void)QueryUnbiasedInterruptTime(&ticks);
	return ticks / 10000;
}
