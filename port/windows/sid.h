/*
 * Accounts, as Windows names them.
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

/* In what follows the error is -ERR_IO, with *sid all zeros. */

/* The account of this process. Its error's reason is in GetLastError(). */
int sid_of_process(union sid *sid);
/*
 * The account of the client at the other end of this pipe instance, something
 * of whose MUST have been read. An error if it does not let itself be known.
 */
int sid_of_client(HANDLE pipe, union sid *sid);
/*
 * The same client's token, to be closed: it can be asked (TOKEN_QUERY), and
 * impersonates it. -ERR_IO, with *token NULL.
 */
int sid_client_token(HANDLE pipe, HANDLE *token);
/*
 * The same by the process that has opened the other end, before anything has
 * been read: it may have passed its end on, so this is for keeping count and
 * for the log, not for access.
 */
int sid_of_client_process(HANDLE pipe, union sid *sid);

/* Does this process have the rights of Administrators? LocalSystem is one of them. */
bool sid_is_administrator(void);

/* Adds it in its usual form: S-1-5-18. */
void sid_put(PSID sid, struct text *t);

#endif
