#include "log.h"
#include "sid.h"

static BOOL sid_of_token(HANDLE token, union sid *sid)
{
	DWORD n, error;
	BOOL ok = GetTokenInformation(token, TokenUser, sid, sizeof(*sid), &n);

	error = GetLastError();
	(void)CloseHandle(token);
	SetLastError(error);
	return ok;
}

BOOL sid_of_process(union sid *sid)
{
	HANDLE token;

	return OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token) &&
	       sid_of_token(token, sid);
}

BOOL sid_of_client_process(HANDLE pipe, union sid *sid)
{
	HANDLE process, token;
	ULONG pid;
	BOOL opened;

	if (!GetNamedPipeClientProcessId(pipe, &pid)) {
		return FALSE;
	}
	process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid);
	if (process == NULL) {
		return FALSE;
	}
	opened = OpenProcessToken(process, TOKEN_QUERY, &token);
	(void)CloseHandle(process);
	return opened && sid_of_token(token, sid);
}

BOOL sid_of_client(HANDLE pipe, union sid *sid)
{
	HANDLE token;
	BOOL opened;

	if (!ImpersonateNamedPipeClient(pipe)) {
		return FALSE;
	}
	/* As ourselves: the client need not be allowed to see its own token. */
	opened = OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token);
	if (!RevertToSelf()) {
		/* Nothing more may be done in the client's name. */
		log_reason(PORT_LOG_ERROR, "cannot stop impersonating a client", NULL,
			   GetLastError());
		log_flush();
		(void)TerminateProcess(GetCurrentProcess(), 1);
	}
	return opened && sid_of_token(token, sid);
}

void sid_put(const union sid *sid, struct line *l)
{
	PSID s = sid->user.User.Sid;
	const SID_IDENTIFIER_AUTHORITY *authority = GetSidIdentifierAuthority(s);
	uint64_t v = 0;

	for (unsigned i = 0; i < sizeof(authority->Value); i++) {
		v = v << 8 | authority->Value[i];
	}
	line_str(l, "S-1-");
	line_num(l, v, 1);
	for (unsigned i = 0; i < *GetSidSubAuthorityCount(s); i++) {
		line_str(l, "-");
		line_num(l, *GetSidSubAuthority(s, i), 1);
	}
}
