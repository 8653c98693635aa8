/*
 * The client that a pipe's server impersonates. To wine it is the server itself,
 * whoever the client is, and SECURITY_ANONYMOUS is nothing. On Windows it is the
 * client, and a server without SeImpersonatePrivilege can identify it but not act
 * for it; so it is in a process that has loaded our tbs.dll, where a function of
 * ours is in the place of the system's.
 *
 * A process is the client's whose end of the pipe it has opened. relay says by a
 * mutex that it is anonymous: to what there is of it wine has no question.
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

/* NULL: it keeps its process to itself, which on Windows hides no token of it. */
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

/* Where the program keeps the address of a function that it imports. */
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
