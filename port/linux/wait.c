#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>

#include "common/pending_events.h"
#include "err.h"
#include "lifecycle.h"
#include "listen.h"
#include "log.h"
#include "port.h"
#include "slot.h"
#include "tpm_device.h"

/* After accept has failed for lack of something, which lasts for a while. */
#define ACCEPT_PAUSE_MS 100
/*
 * If events are pending already, they are reported without a call of poll, which
 * saves a system call; but only so many times in a row.
 */
#define UNPOLLED_MAX 8

/* The order of the descriptors for poll. There may be no listener. */
enum { POLL_SIGNALS, POLL_TPM, POLL_NOTIFY, POLL_LISTENERS };
#define POLL_SLOTS (POLL_LISTENERS + listen_count)

/*
 * An accept that finds no further client costs as much as one that finds one. So
 * once this many clients in a row have come alone, a further accept is tried only
 * after every ALONE_MAX-th.
 */
#define ALONE_MAX 8

/* Of each listener. */
static struct {
	uint64_t pause_until; /* port_now_ms(): no accept before */
	unsigned alone; /* how many times in a row a client came alone */
	bool failing; /* accept has failed, and this was logged */
} accepting[LISTEN_MAX];
static unsigned next_listener; /* the one whose client gets the next slot */
static bool stop_seen; /* STOP comes once */
static unsigned unpolled;

/*
 * Accepts one client. False: there is none, or accept fails. A socket that another
 * process has shut down is always ready and never has one.
 */
static bool accept_one(unsigned listener, bool shut)
{
	int fd = accept4(listen_fds[listener], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int e = errno;

	if (fd >= 0) {
		accepting[listener].failing = false;
		slot_open((unsigned)slot_find(), fd);
		return true;
	}
	if (e == EINTR || e == ECONNABORTED) {
		return true;
	}
	if (shut && e == EAGAIN) {
		e = ESHUTDOWN;
	}
	if (e != EAGAIN) {
		if (!accepting[listener].failing) {
			log_reason(PORT_LOG_ERROR, "cannot accept clients, will try again", NULL,
				   e);
		}
		accepting[listener].failing = true;
		accepting[listener].pause_until = port_now_ms() + ACCEPT_PAUSE_MS;
	}
	return false;
}

/* After the count-th client that came at once: is another accept to be tried? */
static bool may_have_more(unsigned listener, unsigned count)
{
	unsigned *alone = &accepting[listener].alone;

	*alone = count > 1 ? 0 : *alone + 1;
	return *alone <= ALONE_MAX || *alone % ALONE_MAX == 0;
}

/*
 * The listeners take turns, also from one call to the next, so that none of them
 * gets all slots when there are few.
 */
static void accept_clients(const struct pollfd *listeners)
{
	unsigned count[LISTEN_MAX] = {0};
	uint32_t ready = 0;

	for (unsigned i = 0; i < listen_count; i++) {
		ready |= listeners[i].revents != 0 ? UINT32_C(1) << i : 0;
	}
	while (ready != 0 && slot_find() >= 0) {
		unsigned i = next_listener++ % listen_count;
		int came = listeners[i].revents;

		if ((ready >> i & 1) != 0 &&
		    (!accept_one(i, (came & ~POLLIN) != 0) || !may_have_more(i, ++count[i]))) {
			ready &= ~(UINT32_C(1) << i);
		}
	}
}

static void watch(struct pollfd *p, int fd, short events)
{
	*p = (struct pollfd){.fd = fd, .events = events};
}

/*
 * Fills in what to wait for; the descriptor is -1 if there is nothing to wait for.
 * (To ask for no events is not enough: poll reports a hang-up all the same, again
 * and again.)
 */
static nfds_t watch_all(struct pollfd *p, uint64_t now)
{
	bool room = slot_find() >= 0;
	nfds_t n = POLL_SLOTS;

	watch(&p[POLL_SIGNALS], stop_seen ? -1 : signals_fd, POLLIN);
	watch(&p[POLL_TPM], tpm_armed_fd, POLLIN);
	watch(&p[POLL_NOTIFY], notify_waits(), POLLOUT);
	for (unsigned i = 0; i < listen_count; i++) {
		bool listening = room && accepting[i].pause_until <= now;

		watch(&p[POLL_LISTENERS + i], listening ? listen_fds[i] : -1, POLLIN | POLLRDHUP);
	}
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
		pending_stop();
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
	accept_clients(&p[POLL_LISTENERS]);
}

/* How long poll may wait, rounded up, because port_now_ms() is rounded down. */
static int milliseconds(uint64_t now, uint64_t until)
{
	if (until <= now) {
		return 0;
	}
	return until - now < INT_MAX ? (int)(until - now) : until == PORT_NEVER ? -1 : INT_MAX;
}

/* Waits once, up to the deadline at most; it may end earlier. */
static int wait_once(uint64_t deadline)
{
	struct pollfd p[POLL_LISTENERS + LISTEN_MAX + CONN_MAX];
	uint64_t now = port_now_ms();
	uint64_t until = slots_deadline();
	nfds_t n = watch_all(p, now);
	int r;

	for (unsigned i = 0; i < listen_count; i++) {
		uint64_t again = accepting[i].pause_until;

		until = again > now && again < until ? again : until;
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
	bool pending = pending_any();

	if (pending && unpolled < UNPOLLED_MAX) {
		unpolled++;
		return (int)pending_report(events, cap);
	}
	unpolled = 0;
	do {
		int r = wait_once(pending ? 0 : deadline);

		if (r < 0) {
			return r;
		}
		pending = pending_any();
	} while (!pending && port_now_ms() < deadline);
	return (int)pending_report(events, cap);
}
