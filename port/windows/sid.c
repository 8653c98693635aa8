#include <string.h>

#include "err.h"
#include "log.h"
#include "sid.h"

/* Closes the token; GetLastError() keeps the reason for a failure. */
static int sid_of_token(HANDLE token, union sid *sid)
{
	DWORD n, error;
	BOOL ok = GetTokenInformation(token, TokenUser, sid, sizeof(*sid), &n);

	error = GetLastError();
	(void)CloseHandle(token);
	SetLastError(error);
	if (!ok) {
		memset(sid, 0, sizeof(*sid));
		return -ERR_IO;
	}
	return 0;
}

int sid_of_process(union sid *sid)
{
	HANDLE token;

	memset(sid, 0, sizeof(*sid));
	if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token)) {
		return -ERR_IO;
	}
	return sid_of_token(token, sid);
}

int sid_of_client_process(HANDLE pipe, union sid *sid)
{
	HANDLE process, token;
	ULONG pid;
	BOOL opened;

	memset(sid, 0, sizeof(*sid));
	if (!GetNamedPipeClientProcessId(pipe, &pid)) {
		return -ERR_IO;
	}
	process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid);
	if (process == NULL) {
		return -ERR_IO;
	}
	opened = OpenProcessToken(process, TOKEN_QUERY, &token);
	(void)CloseHandle(process);
	return opened ? sid_of_token(token, sid) : -ERR_IO;
}

int sid_client_token(HANDLE pipe, HANDLE *token)
{
	BOOL opened;

	*token = NULL;
	if (!ImpersonateNamedPipeClient(pipe)) {
		return -ERR_IO;
	}
	/* TRUE: with our own rights, since the client may not be allowed to open its token. */
	opened = OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, token);
	if (!RevertToSelf()) {
		/* Nothing more must be done in the client's name. */
		log_reason(PORT_LOG_ERROR, "cannot stop impersonating a client", NULL,
			   GetLastError());
		log_flush();
		(void)TerminateProcess(GetCurrentProcess(), 1);
	}
	if (!opened) {
		*token = NULL;
		return -ERR_IO;
	}
	return 0;
}

int sid_of_client(HANDLE pipe, union sid *sid)
{
	HANDLE token;

	memset(sid, 0, sizeof(*sid));
	return sid_client_token(pipe, &token) == 0 ? sid_of_token(token, sid) : -ERR_IO;
}

bool sid_is_administrator(void)
{
	BYTE sid[SECURITY_MAX_SID_SIZE];
	DWORD size = sizeof(sid);
	BOOL is_member = FALSE;

	return CreateWellKnownSid(WinBuiltinAdministratorsSid, NULL, sid, &size) &&
	       CheckTokenMembership(NULL, sid, &is_member) && is_member;
}

/* Nothing is appended after what did not fit: a SID with a hole looks like another one. */
static void put_number(struct text *t, const char *before, uint64_t v)
{
	if (!t->cut) {
		text_str(t, before);
	}
	if (!t->cut) {
		text_dec(t, v, 1);
	}
}

void sid_put(PSID sid, struct text *t)
{
	const SID_IDENTIFIER_AUTHORITY *authority = GetSidIdentifierAuthority(sid);
	uint64_t v = 0;

	for (unsigned i = 0; i < sizeof(authority->Value); i++) {
		v = v << 8 | authority->Value[i];
	}
	put_number(t, "S-1-", v);
	for (unsigned i = 0; i < *GetSidSubAuthorityCount(sid); i++) {
		put_number(t, "-", *GetSidSubAuthority(sid, i));
	}
}
