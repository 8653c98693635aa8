#include <windows.h>

#include <stdbool.h>
#include <string.h>

#include "arguments.h"
#include "err.h"
#include "install.h"
#include "log.h"
#include "port.h"
#include "service.h"
#include "utf16.h"

/* The service's command line: in UTF-16, and in bytes of UTF-8. */
#define COMMAND_LINE_LEN 8192

#define POLL_MS 100

#define EVENT_SOURCE L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\" SERVICE_NAME
#define WER_EXCLUDED L"SOFTWARE\\Microsoft\\Windows\\Windows Error Reporting\\ExcludedApplications"

static WCHAR own_path[COMMAND_LINE_LEN];

/* Logs why it failed, and returns the process's exit code. */
static int failed(const char *what, DWORD error)
{
	if (error == ERROR_ACCESS_DENIED) {
		what = "this needs an administrator: use a prompt that was "
		       "opened with \"Run as administrator\"";
		error = 0;
	}
	log_reason(PORT_LOG_ERROR, what, NULL, error);
	return 1;
}

static int take_own_path(void)
{
	DWORD n = GetModuleFileNameW(NULL, own_path, COMMAND_LINE_LEN);

	return n > 0 && n < COMMAND_LINE_LEN ? 0 : failed("the program's path is too long", 0);
}

/* ---- the registry ------------------------------------------------------ */

static DWORD set_value(const WCHAR *key, const WCHAR *name, DWORD type, const void *p, size_t n)
{
	return (DWORD)RegSetKeyValueW(HKEY_LOCAL_MACHINE, key, name, type, p, (DWORD)n);
}

/*
 * Says where the event log's viewers find the text of our event, and that crashes
 * are not to be reported, since a dump might hold a secret.
 */
static DWORD register_program(void)
{
	static const DWORD types =
		EVENTLOG_ERROR_TYPE | EVENTLOG_WARNING_TYPE | EVENTLOG_INFORMATION_TYPE;
	static const DWORD yes = 1;
	DWORD e = set_value(EVENT_SOURCE, L"EventMessageFile", REG_SZ, own_path,
			    (wcslen(own_path) + 1) * sizeof(WCHAR));

	if (e == ERROR_SUCCESS) {
		e = set_value(EVENT_SOURCE, L"TypesSupported", REG_DWORD, &types, sizeof(types));
	}
	if (e == ERROR_SUCCESS) {
		e = set_value(WER_EXCLUDED, L"attestd.exe", REG_DWORD, &yes, sizeof(yes));
	}
	return e;
}

static void unregister_program(void)
{
	(void)RegDeleteTreeW(HKEY_LOCAL_MACHINE, EVENT_SOURCE);
	(void)RegDeleteKeyValueW(HKEY_LOCAL_MACHINE, WER_EXCLUDED, L"attestd.exe");
}

/* ---- install ----------------------------------------------------------- */

static int make_command_line(char **args, WCHAR *wide)
{
	static char text[COMMAND_LINE_LEN];
	static char path[COMMAND_LINE_LEN];
	size_t n = 0;
	bool fits = utf16_to_utf8(own_path, path, sizeof(path)) > 0 &&
		    arguments_add(text, sizeof(text), &n, path) &&
		    arguments_add(text, sizeof(text), &n, "serve");

	for (; fits && *args != NULL; args++) {
		fits = arguments_add(text, sizeof(text), &n, *args);
	}
	fits = fits && utf16_from_utf8(text, wide, COMMAND_LINE_LEN) > 0;
	return fits ? 0 : failed("the service's command line would be too long", 0);
}

/*
 * The service runs as LocalSystem: TBS lets other accounts send only few commands,
 * and none of those that activate a credential. All privileges of that account but
 * one are taken away. It gets no restricted service SID, because then it could not
 * write to the TPM's device.
 */
static DWORD configure(SC_HANDLE service)
{
	static const WCHAR description[] =
		L"Proves to a server which machine this is: serves the TPM's keys and quotes, "
		L"and activates credentials, over a named pipe.";
	static const WCHAR privileges[] =
		L"SeChangeNotifyPrivilege\0"; /* a list: ends with two NULs */
	static const SC_ACTION restarts[] = {
		{SC_ACTION_RESTART, 1000},
		{SC_ACTION_RESTART, 5000},
		{SC_ACTION_RESTART, 30000},
	};
	static const SERVICE_DESCRIPTIONW described = {(WCHAR *)(uintptr_t)description};
	static const SERVICE_DELAYED_AUTO_START_INFO delayed = {TRUE};
	static const SERVICE_REQUIRED_PRIVILEGES_INFOW required = {(WCHAR *)(uintptr_t)privileges};
	static const SERVICE_PRESHUTDOWN_INFO preshutdown = {SERVICE_STOP_MS};
	static const SERVICE_FAILURE_ACTIONSW actions = {86400, NULL, NULL, 3,
							 (SC_ACTION *)(uintptr_t)restarts};
	static const SERVICE_FAILURE_ACTIONS_FLAG not_only_crashes = {TRUE};
	static const struct {
		const void *info;
		unsigned char level;
		char name[18];
	} parts[] = {
		{&described, SERVICE_CONFIG_DESCRIPTION, "the description"},
		{&delayed, SERVICE_CONFIG_DELAYED_AUTO_START_INFO, "the delayed start"},
		{&required, SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO, "the privileges"},
		{&preshutdown, SERVICE_CONFIG_PRESHUTDOWN_INFO, "the time to stop"},
		{&actions, SERVICE_CONFIG_FAILURE_ACTIONS, "the restarts"},
		{&not_only_crashes, SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, "the restarts"},
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (!ChangeServiceConfig2W(service, parts[i].level,
					   (void *)(uintptr_t)parts[i].info)) {
			DWORD e = GetLastError();

			log_reason(PORT_LOG_WARNING, "cannot set", parts[i].name, e);
			/* wine, for one, does not know all of these. */
			if (e != ERROR_INVALID_LEVEL) {
				return e;
			}
		}
	}
	return ERROR_SUCCESS;
}

static int create(SC_HANDLE manager, const WCHAR *command_line)
{
	SC_HANDLE service =
		CreateServiceW(manager, SERVICE_NAME, L"attestd (TPM attestation)",
			       SERVICE_ALL_ACCESS, SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START,
			       SERVICE_ERROR_NORMAL, command_line, NULL, NULL, NULL, NULL, NULL);
	DWORD e;

	if (service == NULL) {
		return failed("cannot install the service", GetLastError());
	}
	e = configure(service);
	if (e == ERROR_SUCCESS) {
		e = register_program();
	}
	if (e != ERROR_SUCCESS) {
		(void)DeleteService(service);
		unregister_program();
	}
	(void)CloseServiceHandle(service);
	return e == ERROR_SUCCESS ? 0 : failed("cannot configure the service", e);
}

int install_service(char **args)
{
	static const char done[] = "The service attestd is installed. It starts with the system; "
				   "now:\n    sc.exe start attestd\n";
	static WCHAR command_line[COMMAND_LINE_LEN];
	SC_HANDLE manager;
	int r;

	if (take_own_path() != 0 || make_command_line(args, command_line) != 0) {
		return 1;
	}
	manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE);
	if (manager == NULL) {
		return failed("cannot reach the service control manager", GetLastError());
	}
	r = create(manager, command_line);
	(void)CloseServiceHandle(manager);
	if (r == 0) {
		(void)port_print(false, done, sizeof(done) - 1);
	}
	return r;
}

/* ---- uninstall --------------------------------------------------------- */

/* Stops the service, and waits for as long as that may take. */
static DWORD stop(SC_HANDLE service)
{
	uint64_t until = port_now_ms() + SERVICE_STOP_MS;
	SERVICE_STATUS status;

	for (;;) {
		/* While it starts or stops, it accepts no controls. */
		if (!ControlService(service, SERVICE_CONTROL_STOP, &status) &&
		    GetLastError() != ERROR_SERVICE_CANNOT_ACCEPT_CTRL) {
			DWORD e = GetLastError();

			return e == ERROR_SERVICE_NOT_ACTIVE ? ERROR_SUCCESS : e;
		}
		if (!QueryServiceStatus(service, &status)) {
			return GetLastError();
		}
		if (status.dwCurrentState == SERVICE_STOPPED) {
			return ERROR_SUCCESS;
		}
		if (port_now_ms() >= until) {
			return ERROR_SERVICE_REQUEST_TIMEOUT;
		}
		Sleep(POLL_MS);
	}
}

static int remove_service(SC_HANDLE manager)
{
	SC_HANDLE service =
		OpenServiceW(manager, SERVICE_NAME, SERVICE_STOP | SERVICE_QUERY_STATUS | DELETE);
	DWORD e;
	int r = 0;

	if (service == NULL) {
		e = GetLastError();
		if (e == ERROR_SERVICE_DOES_NOT_EXIST) {
			unregister_program(); /* another tool may have left it */
		}
		return failed("cannot remove the service", e);
	}
	e = stop(service);
	if (e != ERROR_SUCCESS) {
		r = failed("cannot stop the service", e);
	} else if (!DeleteService(service)) {
		r = failed("cannot remove the service", GetLastError());
	} else {
		unregister_program();
	}
	(void)CloseServiceHandle(service);
	return r;
}

int uninstall_service(char **args)
{
	static const char done[] = "The service attestd is removed.\n";
	SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
	int r;

	(void)args;
	if (manager == NULL) {
		return failed("cannot reach the service control manager", GetLastError());
	}
	r = take_own_path() != 0 ? 1 : remove_service(manager);
	(void)CloseServiceHandle(manager);
	if (r == 0) {
		(void)port_print(false, done, sizeof(done) - 1);
	}
	return r;
}
