/*
 * What can be known of a pipe and of the process that serves it.
 */
#include <windows.h>
#include <aclapi.h>
#include <sddl.h>

#include "relay.h"

/* ---- what the pipe is ------------------------------------------------ */

static void print_entry(const char *key, const char *value)
{
	print(key);
	print("=");
	print(value);
	print("\n");
}

static HANDLE server_of(HANDLE pipe, DWORD access)
{
	HANDLE process;
	ULONG pid;

	if (!GetNamedPipeServerProcessId(pipe, &pid) ||
	    (process = OpenProcess(access, FALSE, pid)) == NULL) {
		fail("server");
	}
	return process;
}

/* Prints the privileges of the pipe's server, one a line. */
static void print_privileges(HANDLE pipe)
{
	union {
		TOKEN_PRIVILEGES list;
		BYTE room[1024];
	} held;
	char name[64];
	HANDLE token;
	DWORD n;

	if (!OpenProcessToken(server_of(pipe, PROCESS_QUERY_INFORMATION), TOKEN_QUERY, &token) ||
	    !GetTokenInformation(token, TokenPrivileges, &held, sizeof held, &n)) {
		fail("privileges");
	}
	print_entry("privileges", decimal(held.list.PrivilegeCount));
	for (DWORD i = 0; i < held.list.PrivilegeCount; i++) {
		n = sizeof name;
		if (!LookupPrivilegeNameA(NULL, &held.list.Privileges[i].Luid, name, &n)) {
			fail("privilege");
		}
		print_entry("privilege", name);
	}
}

void show_pipe(void)
{
	const SECURITY_INFORMATION wanted = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
	DWORD flags, out, in, instances, state;
	PSECURITY_DESCRIPTOR sd;
	HANDLE pipe = open_pipe();
	char *text;

	if (pipe == INVALID_HANDLE_VALUE) {
		fail("open");
	}
	if (!GetNamedPipeInfo(pipe, &flags, &out, &in, &instances) ||
	    !GetNamedPipeHandleStateW(pipe, &state, NULL, NULL, NULL, NULL, 0)) {
		fail("info");
	}
	print_entry("type", flags & PIPE_TYPE_MESSAGE ? "message" : "byte");
	print_entry("read", state & PIPE_READMODE_MESSAGE ? "message" : "byte");
	print_entry("instances", decimal(instances));
	print_entry("out", decimal(out));
	print_entry("in", decimal(in));
	print_privileges(pipe);
	if (GetSecurityInfo(pipe, SE_KERNEL_OBJECT, wanted, NULL, NULL, NULL, NULL, &sd) != 0 ||
	    !ConvertSecurityDescriptorToStringSecurityDescriptorA(sd, SDDL_REVISION_1, wanted,
								  &text, NULL)) {
		fail("security");
	}
	print_entry("dacl", text);
}

/* ---- what happens to the server -------------------------------------- */

/* Calls the function by which a console tells a process of an event. */
void send_event(DWORD number)
{
	const DWORD access = PROCESS_CREATE_THREAD | PROCESS_QUERY_INFORMATION |
			     PROCESS_VM_OPERATION | PROCESS_VM_READ | PROCESS_VM_WRITE;
	HMODULE library = GetModuleHandleW(L"kernelbase.dll");
	LPTHREAD_START_ROUTINE routine =
		(LPTHREAD_START_ROUTINE)(void *)GetProcAddress(library, "CtrlRoutine");
	HANDLE pipe = open_pipe();

	if (pipe == INVALID_HANDLE_VALUE || routine == NULL ||
	    CreateRemoteThread(server_of(pipe, access), NULL, 0, routine, (void *)(UINT_PTR)number,
			       0, NULL) == NULL) {
		fail("event");
	}
}

void show_text(const wchar_t *exe_path, DWORD id)
{
	static char *strings[] = {"TEXT"};
	HMODULE exe = LoadLibraryExW(exe_path, NULL, LOAD_LIBRARY_AS_DATAFILE);
	char shown[256];

	if (exe == NULL ||
	    FormatMessageA(FORMAT_MESSAGE_FROM_HMODULE | FORMAT_MESSAGE_ARGUMENT_ARRAY, exe, id, 0,
			   shown, sizeof shown, (va_list *)(void *)strings) == 0) {
		fail("text");
	}
	print(shown);
}
