#include "err.h"
#include "log.h"
#include "standard_io.h"
#include "wait.h"

#define STACK_SIZE 65536

/*
 * A console, a file or an anonymous pipe cannot be waited for together with
 * anything else: who reads it is stuck until it has something to say. So a
 * thread does that, and nothing else: deadlines and PORT_EVENT_STOP come
 * while standard input is silent.
 *
 * The order is the thread's from begin() until it posts `of`, and the rest of
 * the program's before and after.
 */
static struct {
	HANDLE ready; /* an event: here is an order */
	OVERLAPPED *of;
	BYTE *p;
	DWORD n;
	BOOL write;
	DWORD done;
	DWORD error;
} order;

static void read_some(void)
{
	HANDLE in = GetStdHandle(STD_INPUT_HANDLE);

	order.done = 0;
	order.error = in == NULL ? ERROR_INVALID_HANDLE : 0;
	if (in != NULL && !ReadFile(in, order.p, order.n, &order.done, NULL)) {
		order.error = GetLastError();
	}
	if (order.error == ERROR_BROKEN_PIPE) { /* how a pipe says that it ended */
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

int standard_io_open(void)
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

void standard_read(OVERLAPPED *of, void *p, DWORD n)
{
	begin(of, p, n, FALSE);
}

void standard_write(OVERLAPPED *of, const void *p, DWORD n)
{
	begin(of, (BYTE *)(uintptr_t)p, n, TRUE);
}

DWORD standard_result(DWORD *n)
{
	*n = order.done;
	return order.error;
}
