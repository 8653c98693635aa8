/*
 * ordinary COMMAND...: starts a program as a user who is no administrator, and
 * exits with its exit code. If there is a console, its code page is set to that of DOS,
 * and the first line of standard output is "console".
 *
 * It does without printf, because functions with variable arguments do not work in wine
 * for arm64.
 */
#include <windows.h>

static void print(const char *what)
{
	DWORD done;

	WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), what, (DWORD)lstrlenA(what), &done, NULL);
}

static _Noreturn void fail(const char *what)
{
	print(what);
	ExitProcess(200);
}

/* Returns what follows the first word, which may be in quotes as a whole. */
static wchar_t *after_word(wchar_t *s)
{
	wchar_t end = *s == L'"' ? L'"' : L' ';

	do {
		s++;
	} while (*s != L'\0' && *s != end);
	while (*s == L'"' || *s == L' ') {
		s++;
	}
	return s;
}

/* Returns this process's token, in which the administrators' group can only deny access. */
static HANDLE ordinary(void)
{
	BYTE sid[SECURITY_MAX_SID_SIZE];
	DWORD size = sizeof sid;
	SID_AND_ATTRIBUTES administrators = {.Sid = sid};
	HANDLE own, token;

	if (!CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, sid, &size) ||
	    !OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &own) ||
	    !CreateRestrictedToken(own, 0, 1, &administrators, 0, NULL, 0, NULL, &token)) {
		fail("token\n");
	}
	return token;
}

int main(void)
{
	STARTUPINFOW startup = {.cb = sizeof startup};
	PROCESS_INFORMATION child;
	DWORD status;

	if (SetConsoleCP(437)) {
		print("console\n");
	}
	if (!CreateProcessAsUserW(ordinary(), NULL, after_word(GetCommandLineW()), NULL, NULL, TRUE,
				  0, NULL, NULL, &startup, &child)) {
		fail("start\n");
	}
	WaitForSingleObject(child.hProcess, INFINITE);
	GetExitCodeProcess(child.hProcess, &status);
	return (int)status;
}
