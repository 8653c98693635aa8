/*
 * Accounts, as Windows names them.
 */
#ifndef WINDOWS_SID_H
#define WINDOWS_SID_H

#include <windows.h>

#include "common/line.h"

union sid {
	TOKEN_USER user; /* user.User.Sid points into `room` */
	BYTE room[sizeof(TOKEN_USER) + SECURITY_MAX_SID_SIZE];
};

/* The account of this process. False: GetLastError() has the reason. */
BOOL sid_of_process(union sid *sid);
/*
 * The account of the client at the other end of this pipe instance, something
 * of whose MUST have been read. False if it does not let itself be known.
 */
BOOL sid_of_client(HANDLE pipe, union sid *sid);

/*
 * The same by the process at the other end, before anything has been read: it
 * may have passed its end on, so this is for keeping count, not for access.
 */
BOOL sid_of_client_process(HANDLE pipe, union sid *sid);

/* Adds it in its usual form: S-1-5-18. */
void sid_put(const union sid *sid, struct line *l);

#endif
