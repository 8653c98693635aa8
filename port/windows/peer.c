#include <string.h>

#include "common/line.h"
#include "err.h"
#include "port.h"
#include "sid.h"
#include "slot.h"

/* Who cannot be known counts as one account. The pipe's DACL says who may. */
int port_admit(unsigned conn)
{
	struct slot *s = &slots[conn];
	unsigned others = 0;
	union sid sid;

	if (s->stdio) {
		return 0;
	}
	if (sid_of_client_process(s->pipe, &sid) == 0) {
		(void)CopySid(sizeof(s->owner), s->owner, sid.user.User.Sid);
	}
	for (unsigned i = 0; i < CONN_MAX; i++) {
		others += slots[i].admitted &&
			  memcmp(slots[i].owner, s->owner, sizeof(s->owner)) == 0;
	}
	s->admitted = others < CONN_EACH;
	return s->admitted ? 0 : -ERR_CLIENTS;
}

void port_peer(unsigned conn, struct port_id *id)
{
	struct line l = {id->text, 0, sizeof(id->text)};
	const struct slot *s = &slots[conn];
	union sid sid;
	ULONG pid;

	if (s->stdio) {
		line_str(&l, "stdin");
		line_end(&l);
		return;
	}
	line_str(&l, "pid=");
	if (GetNamedPipeClientProcessId(s->pipe, &pid)) {
		line_num(&l, pid, 1);
	} else {
		line_str(&l, "unknown");
	}
	line_str(&l, " sid=");
	if (sid_of_client(s->pipe, &sid) == 0) {
		sid_put(sid.user.User.Sid, &l);
	} else {
		line_str(&l, "unknown");
	}
	line_end(&l);
}
