/*
 * The system's clocks.
 */
#ifndef LINUX_CLOCK_H
#define LINUX_CLOCK_H

#include <time.h>

/* clock_gettime for CLOCK_MONOTONIC and CLOCK_REALTIME, where it cannot fail. */
struct timespec clock_now(clockid_t clock);

#endif
