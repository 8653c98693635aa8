/*
 * Lets the server of a pipe identify its client, as on Windows. In wine, a server that
 * impersonates its client stays itself, and SECURITY_ANONYMOUS has no effect. On Windows it
 * gets the client's identity; without SeImpersonatePrivilege it can only look at it, not
 * act as the client. A process that has loaded the tests' tbs.dll gets this from the
 * function here, which takes the place of the system's.
 *
 * The client is the process that has opened the other end of the pipe. relay says by a
 * mutex that it is anonymous, because wine does not pass that on.
 */
#include <windows.h>
#include <stdbool.h>

#include "client.h"

static BOOL WINAPI (*system_impersonates)(HANDLE pipe);

/* ---- whose token it is ----------------------------------------------- */

static bool is_anonymous(ULONG pid)
{
	char name[ANONYMOUS_MAX];
	HANDLE mutex;

	anonymous_name(pid, name);
	mutex = OpenMutexA(SYNCHRONIZE, FALSE, name);
	if (mutex != NULL) {
		CloseHandle(mutex);
	}
	return mutex != NULL;
}

/* NULL: its process may not be opened. On Windows that would not hide its token. */
static HANDLE token_of(ULONG pid)
{
	HANDLE process = OpenProcess(PROCESS_QUERY_INFORMATION, FALSE, pid), token = NULL;

	if (process != NULL) {
		if (!OpenProcessToken(process, TOKEN_QUERY | TOKEN_DUPLICATE, &token)) {
			token = NULL;
		}
		CloseHandle(process);
	}
	return token;
}

static BOOL WINAPI impersonate(HANDLE pipe)
{
	SECURITY_IMPERSONATION_LEVEL level = SecurityIdentification;
	HANDLE token, own;
	ULONG pid;
	BOOL done;

	if (!system_impersonates(pipe)) {
		return FALSE;
	}
	RevertToSelf();
	if (!GetNamedPipeClientProcessId(pipe, &pid)) {
		return FALSE;
	}
	if (is_anonymous(pid)) {
		level = SecurityAnonymous;
	}
	token = token_of(pid);
	if (token == NULL) {
		return system_impersonates(pipe);
	}
	done = DuplicateTokenEx(token, TOKEN_QUERY | TOKEN_IMPERSONATE, NULL, level,
				TokenImpersonation, &own);
	CloseHandle(token);
	if (done) {
		done = SetThreadToken(NULL, own);
		CloseHandle(own);
	}
	return done;
}

/* ---- in the place of the system's ------------------------------------- */

/* Returns where the program has the address of a function that it imports. */
static ULONGLONG *import_of(BYTE *program, const char *name)
{
	const IMAGE_NT_HEADERS *headers =
		(void *)(program + ((IMAGE_DOS_HEADER *)(void *)program)->e_lfanew);
	const IMAGE_IMPORT_DESCRIPTOR *from =
		(void *)(program +
			 headers->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_IMPORT]
				 .VirtualAddress);

	for (; from->Name != 0; from++) {
		const IMAGE_THUNK_DATA *names = (void *)(program + from->OriginalFirstThunk);
		IMAGE_THUNK_DATA *addresses = (void *)(program + from->FirstThunk);

		for (size_t i = 0; names[i].u1.AddressOfData != 0; i++) {
			const IMAGE_IMPORT_BY_NAME *one =
				(void *)(program + names[i].u1.AddressOfData);

			if (!IMAGE_SNAP_BY_ORDINAL(names[i].u1.Ordinal) &&
			    lstrcmpA((const char *)one->Name, name) == 0) {
				return &addresses[i].u1.Function;
			}
		}
	}
	return NULL;
}

static void replace(void)
{
	ULONGLONG *at = import_of((BYTE *)GetModuleHandleW(NULL), "ImpersonateNamedPipeClient");
	DWORD before;

	if (at != NULL && VirtualProtect(at, sizeof *at, PAGE_READWRITE, &before)) {
		system_impersonates = (BOOL(WINAPI *)(HANDLE))(ULONG_PTR)*at;
		*at = (ULONG_PTR)impersonate;
		VirtualProtect(at, sizeof *at, before, &before);
	}
}

BOOL WINAPI DllMain(HINSTANCE dll, DWORD reason, void *reserved)
{
	(void)dll;
	(void)reserved;
	if (reason == DLL_PROCESS_ATTACH) {
		replace();
	}
	return TRUE;
}
