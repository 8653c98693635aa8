/*
 * relay: makes a Windows named pipe a TCP port of 127.0.0.1, so that programs outside
 * wine can be clients of the pipe.
 *
 *   relay [--message] [--once] [--late MS] [--anonymous] [--hidden] NAME
 *       prints the port's number and, on the next line, its own process id, which is
 *       the one that the pipe's server sees. Each connection to the port becomes a client of
 *       the pipe, and waits for a free instance as clients do. When one of the two ends, the
 *       other is ended after all bytes have been passed on.
 *       --message: reads in message mode, and puts each message's length before
 *       it, four bytes, big-endian. --once: reads once, at most 4096 bytes, and
 *       closes, as the older services' clients do. --late: reads nothing for so many
 *       milliseconds. --anonymous: does not let the server impersonate it. --hidden:
 *       does not let the server find out which user its process belongs to.
 *   relay --burst N NAME
 *       connects N clients one after the other. Each waits for an instance, sends
 *       nothing, reads nothing and stays connected. Prints how many milliseconds it takes
 *       until the last is connected.
 *   relay --event N NAME
 *       sends an event to the console of the pipe's server: 1 is Ctrl-Break, 2 that
 *       the console is closed. wine has no other way to cause them, but passes them on.
 *   relay --text EXE ID
 *       prints how the event log shows event ID of EXE, if its text is "TEXT".
 *   relay --info NAME
 *       prints what can be known of the pipe, one "key=value" a line.
 *
 * It ends when its standard input does. It does without printf, because functions with
 * variable arguments do not work in wine for arm64.
 */
#include <winsock2.h>
#include <windows.h>
#include <sddl.h>
#include "client.h"
#include "relay.h"

#define CLIENTS_MAX 128
#define WAIT_MS 30000
#define BUFFER 16384
#define ONCE 4096

struct options options;

struct client {
	SOCKET socket;
	HANDLE pipe; /* closed by the thread that reads it */
	HANDLE gone; /* an event: set when one side has ended */
	SRWLOCK writing;
};
static volatile LONG client_count;

/* ---- text ------------------------------------------------------------ */

void print(const char *text)
{
	DWORD done;

	WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), text, (DWORD)lstrlenA(text), &done, NULL);
}

const char *decimal(DWORD n)
{
	static char text[12];
	char *at = text + sizeof text - 1;

	do {
		*--at = (char)('0' + n % 10);
		n /= 10;
	} while (n != 0);
	return at;
}

_Noreturn void fail(const char *what)
{
	DWORD error = GetLastError();

	print("error ");
	print(what);
	print(" ");
	print(decimal(error));
	print("\n");
	ExitProcess(1);
}

/* ---- the pipe -------------------------------------------------------- */

HANDLE open_pipe(void)
{
	ULONGLONG end = GetTickCount64() + WAIT_MS;
	DWORD mode = PIPE_READMODE_MESSAGE;
	HANDLE pipe;

	for (;;) {
		pipe = CreateFileW(options.pipe, GENERIC_READ | GENERIC_WRITE, 0, NULL,
				   OPEN_EXISTING, FILE_FLAG_OVERLAPPED | options.security, NULL);
		if (pipe != INVALID_HANDLE_VALUE || GetLastError() != ERROR_PIPE_BUSY ||
		    GetTickCount64() >= end) {
			break;
		}
		WaitNamedPipeW(options.pipe, (DWORD)(end - GetTickCount64()));
	}
	if (pipe != INVALID_HANDLE_VALUE && options.message &&
	    !SetNamedPipeHandleState(pipe, &mode, NULL, NULL)) {
		fail("message mode");
	}
	return pipe;
}

/*
 * Waits until what was begun with `o` is done or one side has ended. Returns whether it was
 * done; then *n is the number of bytes.
 */
static bool finish(const struct client *c, BOOL done, OVERLAPPED *o, DWORD *n)
{
	HANDLE either[] = {o->hEvent, c->gone};

	if (!done && GetLastError() != ERROR_IO_PENDING && GetLastError() != ERROR_MORE_DATA) {
		return false;
	}
	if (WaitForMultipleObjects(2, either, FALSE, INFINITE) != WAIT_OBJECT_0) {
		CancelIoEx(c->pipe, o);
	}
	return GetOverlappedResult(c->pipe, o, n, TRUE) || GetLastError() == ERROR_MORE_DATA;
}

static bool send_all(SOCKET s, const char *data, DWORD n)
{
	while (n > 0) {
		int sent = send(s, data, (int)n, 0);

		if (sent <= 0) {
			return false;
		}
		data += sent;
		n -= (DWORD)sent;
	}
	return true;
}

/* Sends what was read from the pipe to the connection; a message behind its length. */
static bool deliver(SOCKET s, const char *data, DWORD n)
{
	char length[4] = {(char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n};

	return (!options.message || send_all(s, length, sizeof length)) && send_all(s, data, n);
}

static void pipe_to_socket(struct client *c)
{
	OVERLAPPED o = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
	DWORD room = options.once ? ONCE : BUFFER, n;
	char data[BUFFER];

	WaitForSingleObject(c->gone, options.late_ms);
	while (finish(c, ReadFile(c->pipe, data, room, NULL, &o), &o, &n) &&
	       deliver(c->socket, data, n) && !options.once) {
	}
	CloseHandle(o.hEvent);
}

static bool write_pipe(struct client *c, const char *data, DWORD n)
{
	OVERLAPPED o = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
	DWORD done;
	bool ok;

	AcquireSRWLockExclusive(&c->writing);
	ok = c->pipe != INVALID_HANDLE_VALUE &&
	     finish(c, WriteFile(c->pipe, data, n, NULL, &o), &o, &done);
	ReleaseSRWLockExclusive(&c->writing);
	CloseHandle(o.hEvent);
	return ok;
}

/*
 * The other direction, until the connection is closed. Bytes that the pipe no longer takes
 * are read nevertheless: else the connection would be reset, and its reply lost.
 */
static DWORD WINAPI socket_to_pipe(void *arg)
{
	struct client *c = arg;
	char data[BUFFER];
	bool ok = true;
	int n;

	while ((n = recv(c->socket, data, sizeof data, 0)) > 0) {
		ok = ok && write_pipe(c, data, (DWORD)n);
	}
	SetEvent(c->gone);
	return 0;
}

/* ---- clients --------------------------------------------------------- */

static DWORD WINAPI serve(void *arg)
{
	struct client c = {.socket = (SOCKET)(UINT_PTR)arg, .pipe = open_pipe()};
	HANDLE writer;

	c.gone = CreateEventW(NULL, TRUE, FALSE, NULL);
	InitializeSRWLock(&c.writing);
	writer = CreateThread(NULL, 65536, socket_to_pipe, &c, 0, NULL);
	if (c.gone == NULL || writer == NULL) {
		fail("client");
	}
	if (c.pipe != INVALID_HANDLE_VALUE) {
		pipe_to_socket(&c);
	}
	SetEvent(c.gone);
	AcquireSRWLockExclusive(&c.writing);
	CloseHandle(c.pipe);
	c.pipe = INVALID_HANDLE_VALUE;
	ReleaseSRWLockExclusive(&c.writing);
	shutdown(c.socket, SD_SEND);
	WaitForSingleObject(writer, INFINITE);
	CloseHandle(writer);
	CloseHandle(c.gone);
	closesocket(c.socket);
	InterlockedDecrement(&client_count);
	return 0;
}

static DWORD WINAPI end_with_input(void *arg)
{
	char byte;
	DWORD n;

	(void)arg;
	while (ReadFile(GetStdHandle(STD_INPUT_HANDLE), &byte, 1, &n, NULL) && n > 0) {
	}
	ExitProcess(0);
}

static void relay(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	int size = sizeof at;
	WSADATA data;
	SOCKET listener, s;
	HANDLE thread;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	WSAStartup(MAKEWORD(2, 2), &data);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&at, size) != 0 || listen(listener, 128) != 0 ||
	    getsockname(listener, (struct sockaddr *)&at, &size) != 0) {
		fail("listen");
	}
	print(decimal(ntohs(at.sin_port)));
	print("\n");
	print(decimal(GetCurrentProcessId()));
	print("\n");
	CloseHandle(CreateThread(NULL, 65536, end_with_input, NULL, 0, NULL));
	while ((s = accept(listener, NULL, NULL)) != INVALID_SOCKET) {
		if (InterlockedIncrement(&client_count) > CLIENTS_MAX) {
			InterlockedDecrement(&client_count);
			closesocket(s);
			continue;
		}
		thread = CreateThread(NULL, 65536, serve, (void *)(UINT_PTR)s, 0, NULL);
		if (thread == NULL) {
			fail("thread");
		}
		CloseHandle(thread);
	}
	fail("accept");
}

static void burst(void)
{
	ULONGLONG begin = GetTickCount64();

	for (DWORD i = 0; i < options.burst; i++) {
		if (open_pipe() == INVALID_HANDLE_VALUE) {
			fail("open");
		}
	}
	print(decimal((DWORD)(GetTickCount64() - begin)));
	print("\n");
}

/* An empty DACL: from now on nobody may open this process. */
static void hide(void)
{
	PSECURITY_DESCRIPTOR nobody;

	if (!ConvertStringSecurityDescriptorToSecurityDescriptorA("D:P", SDDL_REVISION_1, &nobody,
								  NULL) ||
	    !SetKernelObjectSecurity(GetCurrentProcess(), DACL_SECURITY_INFORMATION, nobody)) {
		fail("hide");
	}
}

/* wine ignores SECURITY_ANONYMOUS. client.c, in the server's process, looks for this mutex. */
static void be_anonymous(void)
{
	char name[ANONYMOUS_MAX];

	anonymous_name(GetCurrentProcessId(), name);
	if (CreateMutexA(NULL, FALSE, name) == NULL) {
		fail("anonymous");
	}
}

int main(void)
{
	parse_options();
	if (options.security != 0) {
		be_anonymous();
	}
	if (options.hidden) {
		hide();
	}
	if (options.info) {
		show_pipe();
	} else if (options.event > 0) {
		send_event(options.event);
	} else if (options.exe != NULL) {
		show_text(options.exe, parse_number(options.pipe + PREFIX_LEN));
	} else if (options.burst > 0) {
		burst();
	} else {
		relay();
	}
	return 0;
}
