#include <windows.h>
#include <stdbool.h>

#include "tbs_told.h"

/* 20 bytes, as Windows makes them; harness/wine.py has the same. */
static const BYTE usual_auth[20] = "Windows' endorsement";

UINT32 setting(const char *name, unsigned base, UINT32 otherwise)
{
	static const char digits[] = "0123456789abcdef";
	char text[16];
	UINT32 value = 0;
	DWORD n = GetEnvironmentVariableA(name, text, sizeof text);

	if (n == 0 || n >= sizeof text) {
		return otherwise;
	}
	for (DWORD i = base == 16 && text[0] == '0' && (text[1] | 32) == 'x' ? 2 : 0; i < n; i++) {
		UINT32 digit = 0;

		while (digit < base && digits[digit] != (text[i] | 32)) {
			digit++;
		}
		value = value * base + digit;
	}
	return value;
}

bool is_elevated(void)
{
	static SID_IDENTIFIER_AUTHORITY authority = {SECURITY_NT_AUTHORITY};
	BYTE sid[SECURITY_MAX_SID_SIZE];
	BOOL is_member = FALSE;

	InitializeSid(sid, &authority, 2);
	*GetSidSubAuthority(sid, 0) = SECURITY_BUILTIN_DOMAIN_RID;
	*GetSidSubAuthority(sid, 1) = DOMAIN_ALIAS_RID_ADMINS;
	return CheckTokenMembership(NULL, sid, &is_member) && is_member;
}

bool read_auth(BYTE *p, DWORD *n)
{
	WCHAR path[MAX_PATH];
	DWORD len = GetEnvironmentVariableW(L"ATTESTD_TEST_TBS_AUTH", path, MAX_PATH);
	HANDLE h;
	bool ok;

	if (len == 0 || len >= MAX_PATH) {
		*n = sizeof usual_auth;
		CopyMemory(p, usual_auth, *n);
		return true;
	}
	h = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING,
			0, NULL);
	ok = h != INVALID_HANDLE_VALUE && ReadFile(h, p, AUTH_MAX, n, NULL);
	if (h != INVALID_HANDLE_VALUE) {
		CloseHandle(h);
	}
	return ok;
}
