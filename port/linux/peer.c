#include <string.h>
#include <sys/socket.h>

#include "base/text.h"
#include "err.h"
#include "options.h"
#include "slot.h"

/* The most supplementary groups that are compared. */
#define GROUPS_MAX 1024

/* Linux before 4.13 does not tell them, and no Linux if there are more than
 * GROUPS_MAX: then only the client's primary group counts. */
static size_t peer_groups(const struct slot *s, gid_t groups[GROUPS_MAX])
{
	socklen_t n = GROUPS_MAX * sizeof(*groups);

	if (getsockopt(s->rx_fd, SOL_SOCKET, SO_PEERGROUPS, groups, &n) < 0) {
		return 0;
	}
	return n / sizeof(*groups);
}

static bool is_allowed(const struct slot *s, const struct allowed *list)
{
	gid_t groups[GROUPS_MAX];
	size_t group_count;

	if (list->count == 0) {
		return true;
	}
	group_count = peer_groups(s, groups);
	for (size_t i = 0; i < list->count; i++) {
		bool group = list->who[i].group;
		uint32_t id = list->who[i].id;

		if (id == (group ? s->peer.gid : s->peer.uid)) {
			return true;
		}
		for (size_t k = 0; group && k < group_count; k++) {
			if (groups[k] == id) {
				return true;
			}
		}
	}
	return false;
}

int port_admit(unsigned conn)
{
	struct slot *s = &slots[conn];
	socklen_t n = sizeof(s->peer);
	unsigned others = 0;

	if (s->stdio) {
		return 0;
	}
	if (getsockopt(s->rx_fd, SOL_SOCKET, SO_PEERCRED, &s->peer, &n) < 0) {
		return -ERR_ACCESS;
	}
	if (!is_allowed(s, &allowed_in)) {
		return -ERR_ACCESS;
	}
	for (unsigned i = 0; i < CONN_MAX; i++) {
		others += slots[i].admitted && slots[i].peer.uid == s->peer.uid;
	}
	s->admitted = others < CONN_EACH;
	return s->admitted ? 0 : -ERR_CLIENTS;
}

/* By its groups at the time it connected: the kernel keeps these for the socket. */
bool port_may_quote(unsigned conn)
{
	const struct slot *s = &slots[conn];

	return s->stdio || (s->admitted && is_allowed(s, &allowed_quote));
}

void port_peer(unsigned conn, struct port_id *id)
{
	static const char names[][6] = {"pid=", " uid=", " gid="};
	const struct slot *s = &slots[conn];
	const uint32_t numbers[] = {(uint32_t)s->peer.pid, s->peer.uid, s->peer.gid};
	struct text t = text_in(id->text, sizeof(id->text));

	if (s->stdio) {
		text_str(&t, "stdin");
	}
	for (unsigned i = 0; i < 3 && !s->stdio; i++) {
		text_printable(&t, names[i]);
		text_dec(&t, numbers[i], 1);
	}
	text_end(&t);
}
