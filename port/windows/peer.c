#include <string.h>

#include "base/text.h"
#include "err.h"
#include "options.h"
#include "pipe_security.h"
#include "port.h"
#include "sid.h"
#include "slot.h"

/*
 * A client can see to it that its account cannot be found out: its process
 * keeps us off, or is gone. So these are few, whoever they may be, or one
 * account would have twice its share; but some, for to an attestd that runs as
 * an ordinary user all other accounts are like that.
 */
#define UNKNOWN_MAX 4

/* The pipe's DACL says who may; this, how many. */
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
 * By the token of the client itself, which has sent its request; who does not
 * let itself be known may not, for of the process that has opened the pipe
 * nobody knows to whom it has passed its end on.
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
 * The client's own account, where it has sent something and lets us know; else
 * that of the process which has opened the pipe, as far as port_admit saw it.
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
