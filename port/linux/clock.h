/*
 * The system's clocks.
 */
#ifndef LINUX_CLOCK_H
#define LINUX_CLOCK_H

#include <time.h>

/* As clock_gettime of CLOCK_MONOTONIC and CLOCK_REALTIME, which do not fail. */
struct timespec clock_now(clockid_t clock);

#endif
