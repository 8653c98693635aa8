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

/* Who sits there and waits has been patient by then. */
#define CONSOLE_STOP_MS (STOP_MS + 3000)

/*
 * A handle that is none, left by whoever started us, may be the number of
 * the next thing opened, or end the process where handles are checked.
 */
static void check_standard_handles(void)
{
	static const DWORD which[] = {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};

	for (size_t i = 0; i < sizeof(which) / sizeof(which[0]); i++) {
		HANDLE h = GetStdHandle(which[i]);
		DWORD flags;

		/* That value also means "this process", which is one. */
		if (h == INVALID_HANDLE_VALUE || !GetHandleInformation(h, &flags)) {
			(void)SetStdHandle(which[i], NULL);
		}
	}
}

int port_run(int argc, char **argv, int (*body)(int argc, char **argv))
{
	int result;

	/* The second also means: no report of a crash, which has a dump in it. */
	(void)SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
	(void)SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_SYSTEM32);
	check_standard_handles();
	argc = arguments_take(&argv); /* main's are in whatever code page */
	if (argc < 0) {
		log_reason(PORT_LOG_ERROR,
			   "the command line has too many arguments, or is not Unicode", NULL, 0);
		result = EXIT_USAGE;
	} else if (argc < 2 || strcmp(argv[1], "serve") != 0 ||
		   !service_run(argc, argv, body, &result)) {
		result = body(argc, argv);
	}
	log_flush();
	return result;
}

/* Called on a thread of its own. */
static BOOL WINAPI on_console(DWORD event)
{
	stop_begin(CONSOLE_STOP_MS, NULL);
	if (event != CTRL_C_EVENT && event != CTRL_BREAK_EVENT) {
		/* The console is closed: who is at a console gets to hear
		 * of no log-off and no shutdown but is ended. The system ends
		 * the process when this returns; if all is well, main does so
		 * before. */
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
