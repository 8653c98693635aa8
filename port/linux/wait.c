#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>

#include "common/due.h"
#include "err.h"
#include "lifecycle.h"
#include "listen.h"
#include "port.h"
#include "slot.h"
#include "tpm.h"

/* After accept has failed for want of something, and so would again. */
#define REST_MS 100
/*
 * What is due is reported without a look at the rest of the world, which
 * saves a system call each time; but only so many times in a row.
 */
#define UNPOLLED_MAX 8

enum { POLL_SIGNALS, POLL_LISTENER, POLL_TPM, POLL_NOTIFY, POLL_SLOTS };

static uint64_t rest_until; /* port_now_ms(): the listener is left alone */
static bool stop_seen; /* STOP comes once */
static unsigned unpolled;

static void accept_clients(void)
{
	int conn;

	while ((conn = slot_find()) >= 0) {
		int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			slot_open((unsigned)conn, fd);
		} else if (errno == EAGAIN) {
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			rest_until = port_now_ms() + REST_MS;
			return;
		}
	}
}

static void watch(struct pollfd *p, int fd, short events)
{
	*p = (struct pollfd){.fd = fd, .events = events};
}

/*
 * Says what to wait for; -1 for what not. (Not to ask for any event is
 * something else: a hang-up is always reported, again and again.)
 */
static nfds_t watch_all(struct pollfd *p, bool resting)
{
	bool listening = slot_find() >= 0 && !resting;
	nfds_t n = POLL_SLOTS;

	watch(&p[POLL_SIGNALS], stop_seen ? -1 : signals_fd, POLLIN);
	watch(&p[POLL_LISTENER], listening ? listen_fd : -1, POLLIN);
	watch(&p[POLL_TPM], tpm_armed_fd, POLLIN);
	watch(&p[POLL_NOTIFY], notify_waits(), POLLOUT);
	for (unsigned i = 0; i < CONN_MAX && slots_used >> i != 0; i++) {
		const struct slot *s = &slots[i];

		if (s->state == SLOT_RX || s->state == SLOT_LINGER) {
			watch(&p[n++], s->rx_fd, POLLIN);
		} else if (s->state == SLOT_TX) {
			watch(&p[n++], s->tx_fd, POLLOUT);
		} else {
			watch(&p[n++], -1, 0);
		}
	}
	return n;
}

static void handle(const struct pollfd *p, nfds_t n)
{
	if (p[POLL_SIGNALS].revents != 0) {
		due_stop();
		stop_seen = true;
	}
	if (p[POLL_TPM].revents != 0) {
		tpm_take_event();
	}
	if (p[POLL_NOTIFY].revents != 0) {
		notify_go_on();
	}
	for (nfds_t i = POLL_SLOTS; i < n; i++) {
		if (p[i].revents != 0) {
			slot_go_on((unsigned)(i - POLL_SLOTS));
		}
	}
	if (p[POLL_LISTENER].revents != 0) {
		accept_clients();
	}
}

/* How long poll may wait: port_now_ms() is rounded down, so this is up. */
static int milliseconds(uint64_t now, uint64_t until)
{
	if (until <= now) {
		return 0;
	}
	return until - now < INT_MAX ? (int)(until - now) : until == PORT_NEVER ? -1 : INT_MAX;
}

/* One poll, up to the deadline at most; it may end earlier. */
static int poll_once(uint64_t deadline)
{
	struct pollfd p[POLL_SLOTS + CONN_MAX];
	uint64_t now = port_now_ms();
	uint64_t until = slots_deadline();
	bool resting = rest_until > now;
	nfds_t n = watch_all(p, resting);
	int r;

	if (resting && rest_until < until) {
		until = rest_until;
	}
	if (deadline < until) {
		until = deadline;
	}
	r = poll(p, n, milliseconds(now, until));
	if (r < 0 && errno != EINTR && errno != EAGAIN) {
		return -ERR_IO;
	}
	if (r > 0) {
		handle(p, n);
	}
	if (slots_deadline() != PORT_NEVER) {
		slots_expire(port_now_ms());
	}
	return 0;
}

int port_wait(struct port_event *events, size_t cap, uint64_t deadline)
{
	bool due = due_any();

	if (due && unpolled < UNPOLLED_MAX) {
		unpolled++;
		return (int)due_report(events, cap);
	}
	unpolled = 0;
	do {
		int r = poll_once(due ? 0 : deadline);

		if (r < 0) {
			return r;
		}
		due = due_any();
	} while (!due && port_now_ms() < deadline);
	return (int)due_report(events, cap);
}
