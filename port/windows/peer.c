#include <string.h>

#include "base/text.h"
#include "err.h"
#include "options.h"
#include "pipe_security.h"
#include "port.h"
#include "sid.h"
#include "slot.h"

/*
 * A client can hide its account: its process denies access, or has ended. All
 * clients of unknown account together get only a few connections, or one account
 * could have twice its share. They get some, because to an attestd that runs as
 * an ordinary user all other accounts are unknown.
 */
#define UNKNOWN_MAX 4

/* The pipe's DACL says who may connect; this says how often. */
int port_admit(unsigned conn)
{
	struct slot *s = &slots[conn];
	unsigned others = 0;
	unsigned most = UNKNOWN_MAX;
	union sid sid;

	if (s->stdio) {
		return 0;
	}
	if (sid_of_client_process(s->pipe, &sid) == 0 &&
	    CopySid(sizeof(s->owner), s->owner, sid.user.User.Sid)) {
		most = CONN_EACH;
	}
	for (unsigned i = 0; i < CONN_MAX; i++) {
		others += slots[i].admitted &&
			  memcmp(slots[i].owner, s->owner, sizeof(s->owner)) == 0;
	}
	s->admitted = others < most;
	return s->admitted ? 0 : -ERR_CLIENTS;
}

/*
 * Decided by the token of the client itself, which has sent its request. If it
 * does not let itself be identified it may not: the process that opened the pipe
 * may have passed its end to anybody.
 */
bool port_may_quote(unsigned conn)
{
	const struct slot *s = &slots[conn];
	HANDLE token;
	bool may;

	if (s->stdio || windows_options.quote == NULL) {
		return true;
	}
	if (!s->admitted || !s->heard || sid_client_token(s->pipe, &token) < 0) {
		return false;
	}
	may = pipe_security_grants(windows_options.quote, token);
	(void)CloseHandle(token);
	return may;
}

/*
 * The client's own account, if it has sent something and lets itself be
 * identified; otherwise that of the process that opened the pipe, if port_admit
 * could find it out.
 */
void port_peer(unsigned conn, struct port_id *id)
{
	struct text t = text_in(id->text, sizeof(id->text));
	struct slot *s = &slots[conn];
	union sid sid;
	ULONG pid;

	if (s->stdio) {
		text_str(&t, "stdin");
		text_end(&t);
		return;
	}
	text_str(&t, "pid=");
	if (GetNamedPipeClientProcessId(s->pipe, &pid)) {
		text_dec(&t, pid, 1);
	} else {
		text_str(&t, "unknown");
	}
	if (s->heard && sid_of_client(s->pipe, &sid) == 0) {
		text_str(&t, " sid=");
		sid_put(sid.user.User.Sid, &t);
	} else if (IsValidSid(s->owner)) {
		text_str(&t, " process-sid=");
		sid_put(s->owner, &t);
	} else {
		text_str(&t, " sid=unknown");
	}
	text_end(&t);
}
