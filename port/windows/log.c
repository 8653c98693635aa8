#include <windows.h>

#include <stdbool.h>
#include <string.h>

#include "base/text.h"
#include "err.h"
#include "log.h"
#include "port.h"
#include "service.h"

/*
 * A stuck reader must not hold up the service: a full pipe, a console in which
 * somebody selects text, a busy event log. Windows cannot say in advance whether a
 * write will block (the room that it reports for a pipe is reduced by a waiting
 * read). So another thread writes, from a queue; lines for which the queue has no
 * room are lost.
 */
#define QUEUE_LENGTH 64U
#define FLUSH_MS 500
#define STACK_SIZE 65536

struct entry {
	enum port_log_level level;
	size_t n;
	char text[320]; /* with time, level and line end, but not for the event log */
};

static struct entry queue[QUEUE_LENGTH];
static unsigned first, end; /* only ever increased; equal if the queue is empty */
static SRWLOCK lock = SRWLOCK_INIT; /* for those two */
static CONDITION_VARIABLE added = CONDITION_VARIABLE_INIT;
static CONDITION_VARIABLE emptied = CONDITION_VARIABLE_INIT;
static bool has_writer;
static bool to_events;

/* ---- writing, which may block ------------------------------------------ */

/* In UTF-16, because a console's bytes are in its own code page. */
static void write_console(HANDLE h, const char *p, size_t n)
{
	WCHAR wide[256];
	DWORD written;

	while (n > 0) {
		size_t part = n;

		if (part > 256) {
			part = 256;
			while (part > 253 && ((unsigned char)p[part] & 0xc0) == 0x80) {
				part--; /* not within a character */
			}
		}
		if (!WriteConsoleW(h, wide,
				   (DWORD)MultiByteToWideChar(CP_UTF8, 0, p, (int)part, wide, 256),
				   &written, NULL)) {
			return;
		}
		p += part;
		n -= part;
	}
}

static int write_text(DWORD which, const char *p, size_t n)
{
	HANDLE h = GetStdHandle(which);
	DWORD mode;
	DWORD written;

	if (h == NULL || h == INVALID_HANDLE_VALUE) {
		return -ERR_IO;
	}
	if (GetConsoleMode(h, &mode)) {
		write_console(h, p, n);
		return 0;
	}
	while (n > 0 && WriteFile(h, p, (DWORD)n, &written, NULL)) {
		p += written;
		n -= written;
		if (written == 0) {
			Sleep(10); /* another program made the pipe non-blocking */
		}
	}
	return n == 0 ? 0 : -ERR_IO;
}

static void report_event(const struct entry *e)
{
	static const WORD types[] = {
		[PORT_LOG_ERROR] = EVENTLOG_ERROR_TYPE,
		[PORT_LOG_WARNING] = EVENTLOG_WARNING_TYPE,
		[PORT_LOG_INFO] = EVENTLOG_INFORMATION_TYPE,
		[PORT_LOG_DEBUG] = EVENTLOG_INFORMATION_TYPE,
	};
	static HANDLE source;
	WCHAR wide[sizeof(e->text) + 1];
	LPCWSTR strings[] = {wide};

	if (source == NULL) {
		source = RegisterEventSourceW(NULL, SERVICE_NAME);
	}
	if (source == NULL) {
		return; /* there is no event log to write to */
	}
	wide[MultiByteToWideChar(CP_UTF8, 0, e->text, (int)e->n, wide, sizeof(e->text))] = L'\0';
	(void)ReportEventW(source, types[e->level], 0, SERVICE_EVENT, NULL, 1, 0, strings, NULL);
}

static _Noreturn DWORD WINAPI write_queue(LPVOID unused)
{
	(void)unused;
	AcquireSRWLockExclusive(&lock);
	for (;;) {
		const struct entry *e = &queue[first % QUEUE_LENGTH];

		if (first == end) {
			WakeAllConditionVariable(&emptied);
			(void)SleepConditionVariableSRW(&added, &lock, INFINITE, 0);
			continue;
		}
		ReleaseSRWLockExclusive(&lock);
		if (to_events) {
			report_event(e);
		} else {
			(void)write_text(STD_ERROR_HANDLE, e->text, e->n);
		}
		AcquireSRWLockExclusive(&lock);
		first++;
	}
}

void log_flush(void)
{
	ULONGLONG until = GetTickCount64() + FLUSH_MS;
	ULONGLONG now;

	AcquireSRWLockExclusive(&lock);
	while (first != end && (now = GetTickCount64()) < until) {
		(void)SleepConditionVariableSRW(&emptied, &lock, (DWORD)(until - now), 0);
	}
	ReleaseSRWLockExclusive(&lock);
}

void log_to_events(void)
{
	to_events = true;
}

/* ---- lines ------------------------------------------------------------- */

static void add_time(struct text *t)
{
	SYSTEMTIME now;

	GetSystemTime(&now);
	text_dec(t, now.wYear, 4);
	text_str(t, "-");
	text_dec(t, now.wMonth, 2);
	text_str(t, "-");
	text_dec(t, now.wDay, 2);
	text_str(t, "T");
	text_dec(t, now.wHour, 2);
	text_str(t, ":");
	text_dec(t, now.wMinute, 2);
	text_str(t, ":");
	text_dec(t, now.wSecond, 2);
	text_str(t, "Z ");
}

static void fill(struct entry *e, enum port_log_level level, const char *text, size_t n)
{
	static const char names[][9] = {"error ", "warning ", "info ", "debug "};
	struct text t = text_in(e->text, sizeof(e->text) - 1); /* keeps room for the line end */

	if (!to_events) {
		add_time(&t);
		text_printable(&t, names[level]);
	}
	n = n < t.cap - t.len ? n : t.cap - t.len;
	memcpy(t.p + t.len, text, n);
	t.len += n;
	if (!to_events) {
		t.p[t.len++] = '\n';
	}
	e->level = level;
	e->n = t.len;
}

static int start_writer(void)
{
	HANDLE thread = CreateThread(NULL, STACK_SIZE, write_queue, NULL,
				     STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);

	if (thread == NULL) {
		return -ERR_IO;
	}
	(void)CloseHandle(thread);
	return 0;
}

void port_log(enum port_log_level level, const char *text, size_t n)
{
	AcquireSRWLockExclusive(&lock);
	if (!has_writer) {
		has_writer = start_writer() == 0;
	}
	if (has_writer && end - first < QUEUE_LENGTH) {
		fill(&queue[end % QUEUE_LENGTH], level, text, n);
		end++;
		WakeConditionVariable(&added);
	}
	ReleaseSRWLockExclusive(&lock);
}

/* The errors that users meet. Windows' own texts are long, and in its language. */
#define REASONS(R)                                                              \
	R(ERROR_FILE_NOT_FOUND, "not found")                                    \
	R(ERROR_PATH_NOT_FOUND, "path not found")                               \
	R(ERROR_ACCESS_DENIED, "access denied")                                 \
	R(ERROR_NOT_ENOUGH_MEMORY, "out of memory")                             \
	R(ERROR_NOT_SUPPORTED, "not supported")                                 \
	R(ERROR_INVALID_PARAMETER, "invalid parameter")                         \
	R(ERROR_BROKEN_PIPE, "the other side has closed it")                    \
	R(ERROR_INVALID_NAME, "not a valid name")                               \
	R(ERROR_INVALID_LEVEL, "the system does not know this")                 \
	R(ERROR_BAD_PATHNAME, "not a valid name")                               \
	R(ERROR_SEM_TIMEOUT, "timed out")                                       \
	R(ERROR_PIPE_BUSY, "all instances are busy")                            \
	R(ERROR_NO_DATA, "the other side is closing it")                        \
	R(ERROR_PIPE_NOT_CONNECTED, "the other side is not connected")          \
	R(WAIT_TIMEOUT, "timed out")                                            \
	R(ERROR_SERVICE_REQUEST_TIMEOUT, "the service does not answer")         \
	R(ERROR_SERVICE_DOES_NOT_EXIST, "there is no such service")             \
	R(ERROR_SERVICE_MARKED_FOR_DELETE, "another program still has it open") \
	R(ERROR_SERVICE_EXISTS, "already installed")                            \
	R(ERROR_DUPLICATE_SERVICE_NAME, "another service has this name")        \
	R(ERROR_NO_SYSTEM_RESOURCES, "out of system resources")                 \
	R(ERROR_TIMEOUT, "timed out")
#define REASON_ERROR(error, text) (error),
#define REASON_TEXT(error, text) text "\0"

static void add_reason(struct text *t, unsigned long error)
{
	static const unsigned short errors[] = {REASONS(REASON_ERROR)};
	const char *text = REASONS(REASON_TEXT);

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (errors[i] == error) {
			text_printable(t, text);
			return;
		}
		text += strlen(text) + 1;
	}
	text_str(t, "error ");
	if (error > 0xffff) { /* an HRESULT: these are usually written in hexadecimal */
		text_hex(t, (uint32_t)error, 8);
	} else {
		text_dec(t, error, 1);
	}
}

void log_reason(enum port_log_level level, const char *what, const char *name, unsigned long error)
{
	char text[256];
	struct text t = text_in(text, sizeof(text));

	text_printable(&t, what);
	if (name != NULL) {
		text_str(&t, " ");
		text_printable(&t, name);
	}
	if (error != 0) {
		text_str(&t, ": ");
		add_reason(&t, error);
	}
	port_log(level, text, t.len);
}

int port_print(bool to_stderr, const char *text, size_t n)
{
	if (to_events) { /* a service has no standard output that anybody sees */
		port_log(to_stderr ? PORT_LOG_ERROR : PORT_LOG_INFO, text, n);
		return 0;
	}
	if (write_text(to_stderr ? STD_ERROR_HANDLE : STD_OUTPUT_HANDLE, text, n) < 0) {
		log_reason(PORT_LOG_ERROR, "cannot write the output", NULL, GetLastError());
		return -ERR_IO;
	}
	return 0;
}
