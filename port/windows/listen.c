#include "err.h"
#include "log.h"
#include "options.h"
#include "pipe_security.h"
#include "port.h"
#include "slot.h"
#include "async_stdio.h"
#include "wait.h"

#define FIRST_MODE (FILE_FLAG_FIRST_PIPE_INSTANCE | WRITE_DAC)
#define MODE (PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED)
#define TYPE (PIPE_TYPE_MESSAGE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS)

/* Logs what failed, with the system's reason. */
static int failed(const char *what, DWORD error)
{
	log_reason(PORT_LOG_ERROR, what, windows_options.pipe_text, error);
	return -ERR_IO;
}

/*
 * The buffers' sizes are 0, so that the system keeps no bytes and a write ends
 * when the other side has read: a reply that was sent has then arrived. CLIENT_MS
 * is how long a client waits for a free instance by default.
 */
static HANDLE make_instance(DWORD more, SECURITY_ATTRIBUTES *security)
{
	return CreateNamedPipeW(windows_options.pipe, MODE | more, TYPE, CONN_MAX, 0, 0, CLIENT_MS,
				security);
}

/* Has another server the name? FILE_FLAG_FIRST_PIPE_INSTANCE does not say so everywhere. */
static bool is_taken(void)
{
	return WaitNamedPipeW(windows_options.pipe, 1) || GetLastError() == ERROR_SEM_TIMEOUT;
}

static int make_first(SECURITY_ATTRIBUTES *security, HANDLE *pipe)
{
	bool taken = is_taken();

	*pipe = taken ? INVALID_HANDLE_VALUE : make_instance(FIRST_MODE, security);
	if (*pipe == INVALID_HANDLE_VALUE) {
		DWORD e = taken ? ERROR_PIPE_BUSY : GetLastError();

		if (e != ERROR_ACCESS_DENIED && e != ERROR_PIPE_BUSY) {
			return failed("cannot create", e);
		}
		(void)failed("another program answers at", 0);
		return -ERR_ADDRESS;
	}
	return 0;
}

/*
 * Makes all instances at the start, and they are used again and again, so that
 * nobody else can make one. While they are made, only our own account may connect.
 */
static int make_all(HANDLE pipes[CONN_MAX], unsigned *made)
{
	SECURITY_ATTRIBUTES *security = pipe_security_own();
	int r;

	*made = 0;
	if (security == NULL) {
		return failed("cannot find out attestd's own account, for", GetLastError());
	}
	r = make_first(security, &pipes[0]);
	if (r < 0) {
		return r;
	}
	for (*made = 1; *made < CONN_MAX; (*made)++) {
		pipes[*made] = make_instance(0, security);
		if (pipes[*made] == INVALID_HANDLE_VALUE) {
			return failed("cannot create all instances of", GetLastError());
		}
	}
	for (unsigned i = 0; i < CONN_MAX; i++) {
		if (CreateIoCompletionPort(pipes[i], wait_port, i, 0) == NULL) {
			return failed("cannot wait for", GetLastError());
		}
	}
	if (pipe_security_apply(pipes[0]) < 0) {
		return failed("cannot set the permissions of", GetLastError());
	}
	return 0;
}

static int listen(void)
{
	HANDLE pipes[CONN_MAX];
	DWORD out_size = 1;
	unsigned made;
	int r = make_all(pipes, &made);

	if (r < 0) {
		while (made > 0) {
			(void)CloseHandle(pipes[--made]);
		}
		return r;
	}
	/* The system may have chosen another size. */
	(void)GetNamedPipeInfo(pipes[0], NULL, &out_size, NULL, NULL);
	slots_sent_is_read = out_size == 0;
	for (unsigned i = 0; i < CONN_MAX; i++) {
		slot_listen(i, pipes[i]);
	}
	return 0;
}

int port_listen(enum port_mode mode)
{
	int r = wait_port_open();

	if (r < 0) {
		return r;
	}
	if (mode == PORT_ONCE) {
		r = async_stdio_open();
		if (r == 0) {
			slot_open_stdio();
		}
		return r;
	}
	return listen();
}

void port_unlisten(void)
{
	slots_unlisten();
}
