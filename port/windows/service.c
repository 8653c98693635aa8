#include <windows.h>

#include "log.h"
#include "service.h"
#include "stop.h"

/* How long the start may take at most; it does not wait for the TPM. */
#define START_MS 10000

static struct {
	SRWLOCK lock; /* for `told` and `state`, which two threads use */
	SERVICE_STATUS_HANDLE handle; /* NULL: not a service */
	bool told; /* the manager was told `state` */
	enum port_state state;
	int argc;
	char **argv;
	int (*body)(int argc, char **argv);
	int result;
} service = {.lock = SRWLOCK_INIT, .result = 1};

/* Tells the manager the state, unless it was told a later one: a stop may come before READY. */
static void advance(enum port_state state)
{
	static const struct {
		DWORD state, accepted, wait_ms;
	} rows[] = {
		[PORT_STARTING] = {SERVICE_START_PENDING, 0, START_MS},
		[PORT_READY] = {SERVICE_RUNNING,
				SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN |
					SERVICE_ACCEPT_PRESHUTDOWN,
				0},
		[PORT_STOPPING] = {SERVICE_STOP_PENDING, 0, SERVICE_STOP_MS},
		[PORT_STOPPED] = {SERVICE_STOPPED, 0, 0},
	};
	SERVICE_STATUS status = {
		.dwServiceType = SERVICE_WIN32_OWN_PROCESS,
		.dwCurrentState = rows[state].state,
		.dwControlsAccepted = rows[state].accepted,
		.dwWaitHint = rows[state].wait_ms,
		.dwCheckPoint = rows[state].wait_ms > 0 ? 1 : 0,
	};

	if (state == PORT_STOPPED && service.result != 0) {
		status.dwWin32ExitCode = ERROR_SERVICE_SPECIFIC_ERROR;
		status.dwServiceSpecificExitCode = (DWORD)service.result;
	}
	AcquireSRWLockExclusive(&service.lock);
	if (!service.told || state > service.state) {
		service.told = true;
		service.state = state;
		(void)SetServiceStatus(service.handle, &status);
	}
	ReleaseSRWLockExclusive(&service.lock);
}

/* The process is about to be ended, since body is stuck. */
static void abandon(void)
{
	service.result = 0; /* after a failure the manager would start it again */
	advance(PORT_STOPPED);
}

/* Called on the manager's thread. */
static DWORD WINAPI on_control(DWORD control, DWORD type, LPVOID data, LPVOID context)
{
	(void)type;
	(void)data;
	(void)context;
	switch (control) {
	case SERVICE_CONTROL_STOP:
	case SERVICE_CONTROL_SHUTDOWN:
	case SERVICE_CONTROL_PRESHUTDOWN:
		advance(PORT_STOPPING);
		stop_begin(SERVICE_STOP_MS - 2000, abandon);
		return NO_ERROR;
	case SERVICE_CONTROL_INTERROGATE:
		return NO_ERROR; /* the manager already knows the state */
	default:
		return ERROR_CALL_NOT_IMPLEMENTED;
	}
}

/*
 * The arguments here come from whoever calls StartService, who need not be the one
 * that may configure the service. So only those of its command line count.
 */
static void WINAPI service_main(DWORD argc, LPWSTR *argv)
{
	(void)argc;
	(void)argv;
	log_to_events();
	service.handle = RegisterServiceCtrlHandlerExW(SERVICE_NAME, on_control, NULL);
	if (service.handle == NULL) {
		log_reason(PORT_LOG_ERROR, "cannot take the service's controls", NULL,
			   GetLastError());
		log_flush();
		return;
	}
	advance(PORT_STARTING);
	service.result = service.body(service.argc, service.argv);
	/* After STOPPED the system may end the process at any time. */
	log_flush();
	advance(PORT_STOPPED);
}

bool service_run(int argc, char **argv, int (*body)(int argc, char **argv), int *result)
{
	static WCHAR name[] = SERVICE_NAME;
	static const SERVICE_TABLE_ENTRYW table[] = {{name, service_main}, {NULL, NULL}};

	service.argc = argc;
	service.argv = argv;
	service.body = body;
	if (!StartServiceCtrlDispatcherW(table)) {
		DWORD error = GetLastError();

		if (error == ERROR_FAILED_SERVICE_CONTROLLER_CONNECT) {
			return false;
		}
		log_reason(PORT_LOG_ERROR, "cannot become a service", NULL, error);
	}
	*result = service.result;
	return true;
}

bool service_state(enum port_state state)
{
	if (service.handle == NULL) {
		return false;
	}
	/* service_main tells STOPPED when body has returned. */
	if (state != PORT_STOPPED) {
		advance(state);
	}
	return true;
}
