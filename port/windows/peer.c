#include "common/line.h"
#include "port.h"
#include "sid.h"
#include "slot.h"

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
	if (sid_of_client(s->pipe, &sid)) {
		sid_put(&sid, &l);
	} else {
		line_str(&l, "unknown");
	}
	line_end(&l);
}
