#include <string.h>

#include "base/wipe.h"
#include "bounds.h"
#include "err.h"
#include "log.h"
#include "async_stdio.h"
#include "wait.h"

#define STACK_SIZE 65536

/*
 * A console, a file or an anonymous pipe cannot be waited for together with other
 * things: reading it blocks until there is input. So a thread of its own does
 * that, and deadlines and PORT_EVENT_STOP come while standard input is silent.
 *
 * From begin() until the thread posts `of`, only the thread may use the order;
 * before and after that, only the rest of the program may.
 */
static struct {
	HANDLE ready; /* an event: the order is there */
	OVERLAPPED *of;
	BYTE *p;
	DWORD n;
	BOOL write;
	DWORD done;
	DWORD error;
} order;

/* A line that was typed; the part from utf8 + taken on is not handed on yet. */
static struct {
	WCHAR wide[RX_MAX + 1];
	char utf8[3 * (RX_MAX + 1)];
	DWORD n, taken; /* of utf8 */
	WCHAR half; /* the first half of a surrogate pair whose second comes next, or 0 */
} typed;

/* Reads *n units, after the half that was left from the last time, if any. */
static DWORD read_wide(HANDLE in, DWORD *n)
{
	DWORD kept = typed.half != 0;

	typed.wide[0] = typed.half;
	typed.half = 0;
	if (!ReadConsoleW(in, typed.wide + kept, RX_MAX, n, NULL)) {
		return GetLastError();
	}
	if (*n > 0 && IS_HIGH_SURROGATE(typed.wide[kept + *n - 1])) {
		typed.half = typed.wide[kept + --*n];
	}
	*n += kept;
	return 0;
}

/*
 * A console gives bytes in its own code page, which is hardly ever UTF-8; so this
 * reads characters. A line that begins with Ctrl-Z means the end of input.
 */
static DWORD read_console(HANDLE in)
{
	DWORD n;

	if (typed.taken == typed.n) {
		do {
			DWORD e = read_wide(in, &n);

			if (e != 0) {
				return e;
			}
		} while (n == 0 && typed.half != 0);
		if (n == 0 || typed.wide[0] == 0x1a) {
			return 0;
		}
		typed.taken = 0;
		typed.n = (DWORD)WideCharToMultiByte(CP_UTF8, 0, typed.wide, (int)n, typed.utf8,
						     sizeof(typed.utf8), NULL, NULL);
		wipe(typed.wide, n * sizeof(WCHAR));
	}
	n = typed.n - typed.taken;
	order.done = n < order.n ? n : order.n;
	memcpy(order.p, typed.utf8 + typed.taken, order.done);
	wipe(typed.utf8 + typed.taken, order.done);
	typed.taken += order.done;
	return 0;
}

static void read_some(void)
{
	HANDLE in = GetStdHandle(STD_INPUT_HANDLE);
	DWORD mode;

	order.done = 0;
	if (in != NULL && GetConsoleMode(in, &mode)) {
		order.error = read_console(in);
		return;
	}
	order.error = in == NULL ? ERROR_INVALID_HANDLE : 0;
	if (in != NULL && !ReadFile(in, order.p, order.n, &order.done, NULL)) {
		order.error = GetLastError();
	}
	if (order.error == ERROR_BROKEN_PIPE) { /* the end of a pipe */
		order.error = 0;
		order.done = 0;
	}
}

static void write_all(void)
{
	HANDLE out = GetStdHandle(STD_OUTPUT_HANDLE);
	DWORD n;

	order.error = out == NULL ? ERROR_INVALID_HANDLE : 0;
	for (order.done = 0; order.error == 0 && order.done < order.n; order.done += n) {
		if (!WriteFile(out, order.p + order.done, order.n - order.done, &n, NULL)) {
			order.error = GetLastError();
		} else if (n == 0) {
			order.error = ERROR_WRITE_FAULT;
		}
	}
}

static DWORD WINAPI work(void *unused)
{
	(void)unused;
	while (WaitForSingleObject(order.ready, INFINITE) == WAIT_OBJECT_0) {
		if (order.write) {
			write_all();
		} else {
			read_some();
		}
		(void)PostQueuedCompletionStatus(wait_port, 0, 0, order.of);
	}
	return 0;
}

int async_stdio_open(void)
{
	HANDLE thread = NULL;

	if (order.ready != NULL) {
		return 0;
	}
	order.ready = CreateEventW(NULL, FALSE, FALSE, NULL);
	if (order.ready != NULL) {
		thread = CreateThread(NULL, STACK_SIZE, work, NULL,
				      STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
	}
	if (thread == NULL) {
		log_reason(PORT_LOG_ERROR, "cannot make a thread for standard input", NULL,
			   GetLastError());
		return -ERR_IO;
	}
	(void)CloseHandle(thread);
	return 0;
}

static void begin(OVERLAPPED *of, BYTE *p, DWORD n, BOOL write)
{
	order.of = of;
	order.p = p;
	order.n = n;
	order.write = write;
	(void)SetEvent(order.ready);
}

void async_stdio_read(OVERLAPPED *of, void *p, DWORD n)
{
	begin(of, p, n, FALSE);
}

void async_stdio_write(OVERLAPPED *of, const void *p, DWORD n)
{
	begin(of, (BYTE *)(uintptr_t)p, n, TRUE);
}

DWORD async_stdio_result(DWORD *n)
{
	*n = order.done;
	return order.error;
}
