#include "timer.h"

void timer_set(PTP_TIMER timer, uint64_t ms, DWORD again_ms)
{
	const uint64_t due = 0 - ms * 10000; /* negative: from now on */
	FILETIME time = {(DWORD)due, (DWORD)(due >> 32)};

	if (timer != NULL) {
		SetThreadpoolTimer(timer, &time, again_ms, 0);
	}
}
