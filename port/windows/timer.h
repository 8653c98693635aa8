/*
 * Timers of the system's thread pool.
 */
#ifndef WINDOWS_TIMER_H
#define WINDOWS_TIMER_H

#include <stdint.h>
#include <windows.h>

/*
 * The timer's callback comes in `ms` milliseconds, and after that every
 * again_ms (0: once). Does nothing if timer is NULL, for want of memory.
 */
void timer_set(PTP_TIMER timer, uint64_t ms, DWORD again_ms);

#endif
