/*
 * Standard input and output, as if they were overlapped.
 */
#ifndef WINDOWS_ASYNC_STDIO_H
#define WINDOWS_ASYNC_STDIO_H

#include <windows.h>

/* Starts what the next ones need. -ERR_IO, logged. Idempotent. */
int async_stdio_open(void);

/*
 * Reads up to n bytes of standard input, or writes n bytes to standard
 * output. The buffer is lent, and no other may be asked for, until `of`
 * arrives at wait_port (with key 0).
 */
void async_stdio_read(OVERLAPPED *of, void *p, DWORD n);
void async_stdio_write(OVERLAPPED *of, const void *p, DWORD n);

/* How that ended: 0 and *n bytes, or the system's error. The end: 0 bytes. */
DWORD async_stdio_result(DWORD *n);

#endif
