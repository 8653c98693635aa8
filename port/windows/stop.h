/*
 * The end that somebody has asked for: at the console, or by the service
 * control manager.
 */
#ifndef WINDOWS_STOP_H
#define WINDOWS_STOP_H

#include <stdint.h>

/*
 * The program shall end: PORT_EVENT_STOP comes, and a TPM command does not
 * last for long. If it has not ended within most_ms all the same, it is ended:
 * TPM Base Services may not let go of the thread that waits for them, which is
 * the one that everything else is done on. Any thread may, and more than once:
 * the first time counts.
 */
void stop_begin(uint32_t most_ms);

#endif
