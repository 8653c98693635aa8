#include <windows.h>

#include <stdbool.h>
#include <string.h>

#include "base/text.h"
#include "err.h"
#include "log.h"
#include "port.h"

/* From werapi.h, which does not compile in mingw-w64 10. */
#define WER_FAULT_REPORTING_FLAG_NOHEAP 1
HRESULT WINAPI WerSetFlags(DWORD flags);

/* The one privilege that is kept: it allows to reach a file below a closed folder. */
#define KEPT_PRIVILEGE L"SeChangeNotifyPrivilege"

static struct text missing;

static void miss(const char *part)
{
	text_str(&missing, missing.len > 0 ? ", " : "");
	text_printable(&missing, part);
}

/*
 * Each of these policies is a DWORD of flags. The libraries that attestd imports
 * are loaded by now; those that TBS and RPC load later are signed by Microsoft.
 */
static void set_policies(void)
{
	static const struct {
		unsigned char policy; /* a PROCESS_MITIGATION_POLICY */
		unsigned char flags;
		char name[22];
	} policies[] = {
		/* RaiseExceptionOnInvalidHandleReference, HandleExceptionsPermanentlyEnabled */
		{ProcessStrictHandleCheckPolicy, 1 | 2, "handle checks"},
		{ProcessExtensionPointDisablePolicy, 1, "no extension points"},
		{ProcessDynamicCodePolicy, 1, "no dynamic code"},
		{ProcessFontDisablePolicy, 1, "no fonts"},
		/* NoRemoteImages, NoLowMandatoryLabelImages, PreferSystem32Images */
		{ProcessImageLoadPolicy, 1 | 2 | 4, "image loading"},
		{ProcessSignaturePolicy, 1, "Microsoft's signature"},
		{ProcessChildProcessPolicy, 1, "no child processes"},
	};

	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		DWORD flags = policies[i].flags;

		if (!SetProcessMitigationPolicy((PROCESS_MITIGATION_POLICY)policies[i].policy,
						&flags, sizeof(flags))) {
			miss(policies[i].name);
		}
	}
}

static int remove_privileges(void)
{
	union {
		TOKEN_PRIVILEGES list;
		BYTE room[1024]; /* there are 36 kinds, of 12 bytes */
	} held;
	HANDLE token;
	LUID kept;
	DWORD n;
	bool ok;

	if (!LookupPrivilegeValueW(NULL, KEPT_PRIVILEGE, &kept) ||
	    !OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY | TOKEN_ADJUST_PRIVILEGES, &token)) {
		return -ERR_IO;
	}
	ok = GetTokenInformation(token, TokenPrivileges, &held, sizeof(held), &n);
	for (DWORD i = 0; ok && i < held.list.PrivilegeCount; i++) {
		LUID_AND_ATTRIBUTES *p = &held.list.Privileges[i];

		if (memcmp(&p->Luid, &kept, sizeof(kept)) != 0) {
			p->Attributes = SE_PRIVILEGE_REMOVED;
		}
	}
	ok = ok && AdjustTokenPrivileges(token, FALSE, &held.list, 0, NULL, NULL) &&
	     GetLastError() == ERROR_SUCCESS;
	(void)CloseHandle(token);
	return ok ? 0 : -ERR_IO;
}

/* ---- crashes ----------------------------------------------------------- */

extern const BYTE __ImageBase[];

static const IMAGE_NT_HEADERS *headers(void)
{
	const IMAGE_DOS_HEADER *dos = (const void *)__ImageBase;

	return (const void *)(__ImageBase + dos->e_lfanew);
}

/*
 * A crash in attestd's own code ends the process here. Otherwise the system would
 * report it, with a dump; and it might fail to unwind the stack, because attestd
 * has no unwind tables.
 */
static LONG CALLBACK on_exception(EXCEPTION_POINTERS *e)
{
	const BYTE *at = e->ExceptionRecord->ExceptionAddress;

	if (at >= __ImageBase && at < __ImageBase + headers()->OptionalHeader.SizeOfImage) {
		(void)TerminateProcess(GetCurrentProcess(), e->ExceptionRecord->ExceptionCode);
	}
	return EXCEPTION_CONTINUE_SEARCH;
}

/*
 * If the system makes a dump all the same, it leaves out the heap and, from
 * Windows 10 1703 on, our variables.
 */
static int leave_out_of_dumps(void)
{
	typedef HRESULT WINAPI exclude(const void *, DWORD);
	const IMAGE_SECTION_HEADER *section = IMAGE_FIRST_SECTION(headers());
	exclude *f = (exclude *)(void *)GetProcAddress(GetModuleHandleW(L"kernel32.dll"),
						       "WerRegisterExcludedMemoryBlock");
	bool ok = WerSetFlags(WER_FAULT_REPORTING_FLAG_NOHEAP) == S_OK;

	for (WORD i = 0; f != NULL && i < headers()->FileHeader.NumberOfSections; i++) {
		if ((section[i].Characteristics & IMAGE_SCN_MEM_WRITE) != 0) {
			ok &= f(__ImageBase + section[i].VirtualAddress,
				section[i].Misc.VirtualSize) == S_OK;
		}
	}
	return ok && AddVectoredExceptionHandler(1, on_exception) != NULL ? 0 : -ERR_IO;
}

/* ---- the contract ------------------------------------------------------ */

int port_sandbox_enter(enum port_mode mode)
{
	char text[200];

	(void)mode;
	missing = text_in(text, sizeof(text) - 1);
	if (remove_privileges() < 0) {
		miss("removing privileges");
	}
	if (leave_out_of_dumps() < 0) {
		miss("leaving secrets out of dumps");
	}
	set_policies();
	if (missing.len != 0) {
		text_end(&missing);
		log_reason(PORT_LOG_WARNING, "this system lacks protections:", text, 0);
	}
	return 0;
}
