#include <windows.h>

#include <string.h>

#include "arguments.h"
#include "bounds.h"
#include "log.h"
#include "port.h"
#include "service.h"
#include "stop.h"
#include "wait.h"

/* sysexits.h's EX_USAGE. */
#define EXIT_USAGE 64

/* After a stop at the console, the process ends after this time at the latest. */
#define CONSOLE_STOP_MS (STOP_MS + 3000)

/*
 * We may have been started with a standard handle that is not open. The next file
 * opened could get its number, and where handles are checked, using it ends the
 * process.
 */
static void check_standard_handles(void)
{
	static const DWORD which[] = {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};

	for (size_t i = 0; i < sizeof(which) / sizeof(which[0]); i++) {
		HANDLE h = GetStdHandle(which[i]);
		DWORD flags;

		/* INVALID_HANDLE_VALUE is also the handle of this process, and so valid. */
		if (h == INVALID_HANDLE_VALUE || !GetHandleInformation(h, &flags)) {
			(void)SetStdHandle(which[i], NULL);
		}
	}
}

int port_run(int argc, char **argv, int (*body)(int argc, char **argv))
{
	int result;

	/* SEM_NOGPFAULTERRORBOX also means that a crash is not reported with a dump. */
	(void)SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
	(void)SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_SYSTEM32);
	check_standard_handles();
	argc = arguments_take(&argv); /* main's own are not in UTF-8 */
	if (argc < 0) {
		log_reason(PORT_LOG_ERROR, "too many arguments, or they are not Unicode", NULL, 0);
		result = EXIT_USAGE;
	} else if (argc < 2 || strcmp(argv[1], "serve") != 0 ||
		   !service_run(argc, argv, body, &result)) {
		result = body(argc, argv);
	}
	log_flush();
	return result;
}

/* Windows calls this on a thread of its own. */
static BOOL WINAPI on_console(DWORD event)
{
	stop_begin(CONSOLE_STOP_MS, NULL);
	if (event != CTRL_C_EVENT && event != CTRL_BREAK_EVENT) {
		/* The console was closed. (A program at a console is not told of a
		 * log-off or a shutdown.) The system ends the process when this
		 * returns, so it waits until main has ended it. */
		Sleep(STOP_MS + 1000);
	}
	return TRUE;
}

void port_state(enum port_state state)
{
	if (!service_state(state) && state == PORT_STARTING && wait_port_open() == 0) {
		(void)SetConsoleCtrlHandler(on_console, TRUE);
	}
}
