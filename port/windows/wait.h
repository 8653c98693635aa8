/*
 * The I/O completion port, where the end of every operation arrives.
 */
#ifndef WINDOWS_WAIT_H
#define WINDOWS_WAIT_H

#include <windows.h>

/*
 * NULL before wait_port_open. The key is the number of the connection; a packet
 * without an OVERLAPPED is the stop.
 */
extern HANDLE wait_port;

/* Creates it. Idempotent. -ERR_IO, logged. */
int wait_port_open(void);

/*
 * Has PORT_EVENT_STOP come, once, however often this is called. Any thread may
 * call it at any time, also before wait_port_open.
 */
void wait_stop(void);

#endif
