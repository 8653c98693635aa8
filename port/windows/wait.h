/*
 * Where everything that is awaited arrives.
 */
#ifndef WINDOWS_WAIT_H
#define WINDOWS_WAIT_H

#include <windows.h>

/*
 * The I/O completion port; NULL before wait_port_open. What arrives has its
 * connection's number as the key; a packet without an OVERLAPPED is the stop.
 */
extern HANDLE wait_port;

/* Creates it. Idempotent. -ERR_IO, logged. */
int wait_port_open(void);

/*
 * PORT_EVENT_STOP shall come; it comes once, however often this is called.
 * Any thread may, at any time, before there is a port too.
 */
void wait_stop(void);

#endif
