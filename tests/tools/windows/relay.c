/*
 * relay: a Windows named pipe as a TCP port of 127.0.0.1, so that programs on
 * the other side of wine can be its clients.
 *
 *   relay [--message] [--once] [--late MS] [--anonymous] [--hidden] NAME
 *       prints the port's number and, on the next line, its own process id,
 *       the one that the pipe's server sees. A connection is a client of the pipe, which
 *       waits for a free instance as clients do; the pipe's end is the
 *       connection's, and the other way round, after all bytes are through.
 *       --message: reads in message mode, and puts before each message its
 *       length, four bytes, big-endian. --once: reads once, at most 4096 bytes,
 *       and closes, as the older services' clients do. --late: reads nothing for so long.
 *       --anonymous: does not let the server impersonate it. --hidden: its
 *       process lets nobody find out whose it is.
 *   relay --burst N NAME
 *       N clients one after the other, that wait for an instance each, say
 *       nothing, read nothing and stay; prints how many milliseconds it takes
 *       until the last of them has got in.
 *   relay --event N NAME
 *       the console of the pipe's server has an event: 1 is Ctrl-Break, 2 that
 *       it is closed. wine cannot have those happen, but passes them on.
 *   relay --text EXE ID
 *       how the event log shows that event of EXE's, when what it says is "TEXT".
 *   relay --info NAME
 *       what can be known of the pipe, one "key=value" a line.
 *
 * It ends when its standard input does. No printf: wine for arm64 does not get
 * on with variable arguments.
 */
#include <winsock2.h>
#include <windows.h>
#include <sddl.h>
#include <stdbool.h>
#include <stdint.h>

#include "client.h"
#include "relay.h"

#define CLIENTS_MAX 128
#define WAIT_MS 30000
#define BUFFER 16384
#define ONCE 4096
#define PREFIX L"\\\\.\\pipe\\"
#define PREFIX_LEN 9
#define NAME_LEN 256

struct options {
	bool message, once, info, hidden;
	DWORD late_ms, burst, security, event;
	const wchar_t *exe; /* --text */
	wchar_t pipe[PREFIX_LEN + NAME_LEN + 1];
};
static struct options options;

struct client {
	SOCKET socket;
	HANDLE pipe; /* the reader's to close */
	HANDLE gone; /* set: one side has ended */
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

/* ---- the command line ------------------------------------------------ */

/* The next word of the command line, cut off in place; NULL: none. */
static wchar_t *next_word(wchar_t **rest)
{
	wchar_t *word, *to, *from = *rest;
	bool quoted = false;

	while (*from == L' ') {
		from++;
	}
	if (*from == L'\0') {
		return NULL;
	}
	word = to = from;
	for (; *from != L'\0' && (quoted || *from != L' '); from++) {
		if (*from == L'"') {
			quoted = !quoted;
		} else {
			*to++ = *from;
		}
	}
	*rest = *from == L'\0' ? from : from + 1;
	*to = L'\0';
	return word;
}

static DWORD number(const wchar_t *text)
{
	DWORD n = 0;

	for (; text != NULL && *text >= L'0' && *text <= L'9'; text++) {
		n = n * 10 + (DWORD)(*text - L'0');
	}
	return n;
}

static void parse(void)
{
	wchar_t *rest = GetCommandLineW(), *word, *name = NULL;

	next_word(&rest); /* the program */
	while ((word = next_word(&rest)) != NULL) {
		if (lstrcmpW(word, L"--message") == 0) {
			options.message = true;
		} else if (lstrcmpW(word, L"--once") == 0) {
			options.once = true;
		} else if (lstrcmpW(word, L"--info") == 0) {
			options.info = true;
		} else if (lstrcmpW(word, L"--late") == 0) {
			options.late_ms = number(next_word(&rest));
		} else if (lstrcmpW(word, L"--burst") == 0) {
			options.burst = number(next_word(&rest));
		} else if (lstrcmpW(word, L"--event") == 0) {
			options.event = number(next_word(&rest));
		} else if (lstrcmpW(word, L"--text") == 0) {
			options.exe = next_word(&rest);
		} else if (lstrcmpW(word, L"--anonymous") == 0) {
			options.security = SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS;
		} else if (lstrcmpW(word, L"--hidden") == 0) {
			options.hidden = true;
		} else {
			name = word;
		}
	}
	if (name == NULL || lstrlenW(name) > NAME_LEN) {
		SetLastError(ERROR_INVALID_PARAMETER);
		fail("usage");
	}
	if (*name != L'\\') {
		lstrcpyW(options.pipe, PREFIX);
	}
	lstrcatW(options.pipe, name);
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
 * Awaits what was begun with `o`, as long as both sides are there. Whether it
 * was done; then *n is what it moved.
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

/* Hands what was read to the peer; a message behind its length. */
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
 * The other direction, until the peer closes. What the pipe does not take any
 * more is read all the same: a reset would cost the peer its reply.
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

/* Nobody may look at this process any more: an empty DACL. */
static void hide(void)
{
	PSECURITY_DESCRIPTOR nobody;

	if (!ConvertStringSecurityDescriptorToSecurityDescriptorA("D:P", SDDL_REVISION_1, &nobody,
								  NULL) ||
	    !SetKernelObjectSecurity(GetCurrentProcess(), DACL_SECURITY_INFORMATION, nobody)) {
		fail("hide");
	}
}

/* As SECURITY_ANONYMOUS has it, for who looks after that in wine's place. */
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
	parse();
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
		show_text(options.exe, number(options.pipe + PREFIX_LEN));
	} else if (options.burst > 0) {
		burst();
	} else {
		relay();
	}
	return 0;
}
