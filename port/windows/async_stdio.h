/*
 * Standard input and output, read and written by another thread, so that their
 * end arrives at wait_port like that of overlapped operations.
 */
#ifndef WINDOWS_ASYNC_STDIO_H
#define WINDOWS_ASYNC_STDIO_H

#include <windows.h>

/* Starts the thread. -ERR_IO, logged. Idempotent. */
int async_stdio_open(void);

/*
 * Begins to read up to n bytes of standard input, or to write n bytes to standard
 * output. Until `of` arrives at wait_port (with key 0), the buffer is in use and
 * neither MUST be called again.
 */
void async_stdio_read(OVERLAPPED *of, void *p, DWORD n);
void async_stdio_write(OVERLAPPED *of, const void *p, DWORD n);

/* How that ended: 0 and *n bytes (0: the end), or the system's error. */
DWORD async_stdio_result(DWORD *n);

#endif
