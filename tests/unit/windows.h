/*
 * As much of Windows as port/windows/{slot,slot_io,connection}.c use, so that unit
 * tests on this machine can be linked with them. fake_pipe.h has the functions.
 */
#ifndef TESTS_UNIT_WINDOWS_H
#define TESTS_UNIT_WINDOWS_H

#include <stdint.h>

typedef uint8_t BYTE;
typedef uint32_t DWORD;
typedef int BOOL;
typedef void *HANDLE;
typedef struct {
	uintptr_t Internal; /* Windows keeps the state of the operation in there */
} OVERLAPPED;

#define FALSE 0
#define TRUE 1
#define SECURITY_MAX_SID_SIZE 68

#define ERROR_BROKEN_PIPE 109
#define ERROR_NO_DATA 232
#define ERROR_PIPE_NOT_CONNECTED 233
#define ERROR_MORE_DATA 234
#define ERROR_PIPE_CONNECTED 535
#define ERROR_OPERATION_ABORTED 995
#define ERROR_IO_PENDING 997
#define ERROR_NO_SYSTEM_RESOURCES 1450

DWORD GetLastError(void);
BOOL ConnectNamedPipe(HANDLE pipe, OVERLAPPED *o);
BOOL DisconnectNamedPipe(HANDLE pipe);
BOOL ReadFile(HANDLE file, void *p, DWORD n, DWORD *moved, OVERLAPPED *o);
BOOL WriteFile(HANDLE file, const void *p, DWORD n, DWORD *moved, OVERLAPPED *o);
BOOL GetOverlappedResult(HANDLE file, OVERLAPPED *o, DWORD *moved, BOOL wait);
BOOL CancelIoEx(HANDLE file, OVERLAPPED *o);
BOOL CloseHandle(HANDLE h);

#endif
