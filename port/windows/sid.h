/*
 * SIDs: Windows' numbers for accounts.
 */
#ifndef WINDOWS_SID_H
#define WINDOWS_SID_H

#include <stdbool.h>
#include <windows.h>

#include "base/text.h"

union sid {
	TOKEN_USER user; /* user.User.Sid points into `room` */
	BYTE room[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
};

/* The errors below are -ERR_IO, with *sid all zeros. */

/* The account of this process. After an error GetLastError() has the reason. */
int sid_of_process(union sid *sid);
/*
 * The account of the client at the other end of this pipe instance; something that
 * it sent MUST have been read. An error if it does not let itself be identified.
 */
int sid_of_client(HANDLE pipe, union sid *sid);
/*
 * The same client's impersonation token, with TOKEN_QUERY; the caller closes it.
 * -ERR_IO, with *token NULL.
 */
int sid_client_token(HANDLE pipe, HANDLE *token);
/*
 * The account of the process that opened the other end, even before anything was
 * read. It may have passed its end to another process, so this is for counting and
 * for the log, not for deciding access.
 */
int sid_of_client_process(HANDLE pipe, union sid *sid);

/* Does this process have the rights of Administrators? LocalSystem is one of them. */
bool sid_is_administrator(void);

/* Appends the SID in its usual form: S-1-5-18. */
void sid_put(PSID sid, struct text *t);

#endif
