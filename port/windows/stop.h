/*
 * The end that somebody has asked for: at the console, or through the service
 * control manager.
 */
#ifndef WINDOWS_STOP_H
#define WINDOWS_STOP_H

#include <stdint.h>

/*
 * The program shall end: PORT_EVENT_STOP comes, and a TPM command that still
 * runs is cancelled soon. TPM Base Services may not return all the same, and
 * keep the one thread that does everything else. So after most_ms the process
 * is ended, and before that overdue() is called, if it is not NULL, on another
 * thread. Any thread may call this; only the first call counts.
 */
void stop_begin(uint32_t most_ms, void (*overdue)(void));

#endif
