#include <string.h>
#include <windows.h>

#include "bounds.h"
#include "err.h"
#include "log.h"
#include "options.h"
#include "port.h"
#include "async_stdio.h"
#include "wait.h"

#define CALL_MS 200000

/*
 * The server may find out who we are, but not impersonate us, because another
 * program may have taken the pipe's name. And we ask for no more rights than
 * --sddl must grant a client.
 */
#define RIGHTS (GENERIC_READ | FILE_WRITE_DATA)
#define FLAGS (FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION)

/* Of the one operation outstanding; static, because it may outlast port_call. */
static OVERLAPPED of;

/* In what follows a DWORD is 0 or the system's error. */

static int failed(const char *what, DWORD error)
{
	log_reason(PORT_LOG_ERROR, what, windows_options.pipe_text, error);
	return -ERR_IO;
}

static DWORD milliseconds(uint64_t deadline)
{
	uint64_t now = port_now_ms();

	return now < deadline ? (DWORD)(deadline - now) : 0;
}

/* Waits for the end of that operation. */
static DWORD await(HANDLE pipe, DWORD *n, uint64_t deadline)
{
	ULONG_PTR key;
	OVERLAPPED *done;

	if (!GetQueuedCompletionStatus(wait_port, n, &key, &done, milliseconds(deadline)) &&
	    done == NULL) {
		return GetLastError();
	}
	if (done == NULL) {
		return ERROR_OPERATION_ABORTED; /* wait_stop */
	}
	if (pipe == NULL) {
		return async_stdio_result(n);
	}
	return GetOverlappedResult(pipe, &of, n, FALSE) ? 0 : GetLastError();
}

/* Reads from a pipe, or from standard input if that is NULL. *n is 0 at the end. */
static DWORD read_some(HANDLE pipe, uint8_t *p, DWORD cap, DWORD *n, uint64_t deadline)
{
	DWORD e;

	*n = 0;
	do {
		memset(&of, 0, sizeof(of));
		if (pipe == NULL) {
			async_stdio_read(&of, p, cap);
		} else if (!ReadFile(pipe, p, cap, NULL, &of)) {
			e = GetLastError();
			if (e != ERROR_IO_PENDING) {
				break;
			}
		}
		e = await(pipe, n, deadline);
	} while (pipe != NULL && e == 0 && *n == 0); /* an empty message */
	if (e == ERROR_BROKEN_PIPE || e == ERROR_PIPE_NOT_CONNECTED) {
		*n = 0;
		return 0;
	}
	return e;
}

/*
 * Reads until a line end or the end of input. *n is the line's length without
 * its line end, more than cap if it does not fit.
 */
static DWORD read_line(HANDLE pipe, uint8_t *p, size_t cap, size_t *n, uint64_t deadline)
{
	static uint8_t over;
	size_t got = 0;

	*n = 0;
	for (;;) {
		uint8_t *to = got < cap ? p + got : &over;
		const uint8_t *end;
		DWORD r;
		DWORD e = read_some(pipe, to, got < cap ? (DWORD)(cap - got) : 1, &r, deadline);

		if (e != 0) {
			return e;
		}
		end = r == 0 ? NULL : memchr(to, '\n', r);
		if (end != NULL) {
			*n = got + (size_t)(end - to);
			return 0;
		}
		got += r;
		if (r == 0 || got > cap) {
			*n = got;
			return 0;
		}
	}
}

static DWORD connect_to(HANDLE *pipe, uint64_t deadline)
{
	for (;;) {
		DWORD e;

		*pipe = CreateFileW(windows_options.pipe, RIGHTS, 0, NULL, OPEN_EXISTING, FLAGS,
				    NULL);
		if (*pipe != INVALID_HANDLE_VALUE) {
			break;
		}
		e = GetLastError();
		if (e != ERROR_PIPE_BUSY) {
			return e;
		}
		/* Other clients may be faster, again and again. */
		if (milliseconds(deadline) == 0) {
			return WAIT_TIMEOUT;
		}
		if (!WaitNamedPipeW(windows_options.pipe, milliseconds(deadline) + 1)) {
			return GetLastError();
		}
	}
	return CreateIoCompletionPort(*pipe, wait_port, 0, 0) == NULL ? GetLastError() : 0;
}

/* No error if the service has stopped reading: then it has already answered. */
static DWORD send_all(HANDLE pipe, const uint8_t *p, DWORD n, uint64_t deadline)
{
	DWORD e, done;

	memset(&of, 0, sizeof(of));
	if (!WriteFile(pipe, p, n, NULL, &of)) {
		e = GetLastError();
		if (e != ERROR_IO_PENDING) {
			return 0;
		}
	}
	e = await(pipe, &done, deadline);
	return e == WAIT_TIMEOUT || e == ERROR_OPERATION_ABORTED ? e : 0;
}

static int exchange(HANDLE pipe, const uint8_t *request, size_t request_n, uint8_t *buf, size_t cap,
		    size_t *len, uint64_t deadline)
{
	DWORD e = send_all(pipe, request, (DWORD)request_n, deadline);

	if (e == 0) {
		e = read_line(pipe, buf, cap, len, deadline);
	}
	if (e != 0 || *len == 0) {
		return failed("no answer from", e);
	}
	return *len > cap ? -ERR_RANGE : 0;
}

/* The request with its line end, so that it is sent as a whole. */
static int get_request(const char *request, uint8_t line[REQUEST_MAX + 1], size_t *n,
		       uint64_t deadline)
{
	DWORD e;

	if (request != NULL) {
		*n = strlen(request);
		if (*n <= REQUEST_MAX) {
			memcpy(line, request, *n);
		}
	} else {
		if (async_stdio_open() < 0) {
			return -ERR_IO;
		}
		e = read_line(NULL, line, REQUEST_MAX, n, deadline);
		if (e != 0) {
			log_reason(PORT_LOG_ERROR, "cannot read standard input", NULL, e);
			return -ERR_IO;
		}
	}
	if (*n > REQUEST_MAX) {
		return -ERR_TOO_LONG;
	}
	line[(*n)++] = '\n';
	return 0;
}

int port_call(const char *request, uint8_t *buf, size_t cap, size_t *len)
{
	static uint8_t line[REQUEST_MAX + 1];
	uint64_t deadline = port_now_ms() + CALL_MS;
	HANDLE pipe;
	DWORD e;
	size_t n;
	int r;

	*len = 0;
	r = wait_port_open();
	if (r == 0) {
		r = get_request(request, line, &n, deadline);
	}
	if (r != 0) {
		return r;
	}
	e = connect_to(&pipe, deadline);
	r = e != 0 ? failed("cannot connect to", e)
		   : exchange(pipe, line, n, buf, cap, len, deadline);
	if (pipe != INVALID_HANDLE_VALUE) {
		(void)CloseHandle(pipe);
	}
	if (r < 0) {
		*len = 0;
	}
	return r;
}
