/*
 * The proxy. The TPM gets one command at a time. The sessions wait in the order in which
 * their commands were complete.
 */
#include "chip.h"
#include "fault.h"
#include "loaded.h"
#include "proxy.h"
#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RC_RETRY 0x922U

struct session {
	int fd; /* -1: free */
	unsigned number; /* the number of its open, from 1 */
	enum device device;
	int pid; /* who opened it; 0: unknown */
	uint8_t cmd[TPM_BUFFER];
	size_t have;
	uint64_t turn; /* place in the queue; 0: no complete command yet */
	struct loaded loaded;
};

enum phase { IDLE, ASKED, HELD, SILENT };

static struct session sessions[PROXY_SESSIONS];
static int open_errnos[DEVICE_COUNT];
static unsigned opens;
static uint64_t turns;
static struct tpm *tpm;

/* The command in flight. */
static struct {
	enum phase phase;
	struct session *from; /* NULL: the client has closed the device */
	struct fault fault;
	uint32_t delay_ms, cc;
	int64_t start, chip,
		swap; /* in us: when it was sent, what the chip takes, and what the kernel takes */
	unsigned number;
	int64_t due; /* in the state HELD: when to answer */
	uint8_t rsp[TPM_BUFFER];
	size_t n;
} flight;

void proxy_init(struct tpm *t)
{
	tpm = t;
	for (size_t i = 0; i < PROXY_SESSIONS; i++)
		sessions[i].fd = -1;
}

/* ---- handles --------------------------------------------------------- */

/* Notes what a session has loaded, from the TPM's own response. */
static void track(struct session *s, uint32_t cc, const uint8_t *rsp, size_t n)
{
	uint32_t handle;

	if (n < TPM_HEADER || tpm_u32(rsp + 6) != 0)
		return;
	if (cc == TPM_CC_FlushContext)
		loaded_remove(&s->loaded, tpm_u32(s->cmd + TPM_HEADER));
	if (!loads(cc) || n < TPM_HEADER + 4)
		return;
	handle = tpm_u32(rsp + TPM_HEADER);
	/* A TPM session that has ended by itself: its handle is another client's now. */
	for (size_t i = 0; i < PROXY_SESSIONS; i++)
		loaded_remove(&sessions[i].loaded, handle);
	loaded_add(&s->loaded, handle);
}

/* ---- sessions -------------------------------------------------------- */

static void finish_asking(void);

static void end_session(struct session *s)
{
	close(s->fd);
	s->fd = -1;
	s->turn = 0;
	/* What the command in flight loads belongs to this session, too. */
	if (flight.from == s) {
		if (flight.phase == ASKED)
			finish_asking();
		flight.from = NULL;
		if (flight.phase == SILENT)
			flight.phase = IDLE;
	} else if (flight.phase == ASKED && s->loaded.count > 0) {
		finish_asking();
	}
	if (s->device == DEVICE_TPMRM0)
		for (size_t i = 0; i < s->loaded.count; i++)
			tpm_flush(tpm, s->loaded.handles[i]);
	s->loaded.count = 0;
}

static bool has_hung_up(const struct session *s)
{
	struct pollfd p = {s->fd, POLLRDHUP, 0};

	return poll(&p, 1, 0) > 0;
}

static struct session *new_session(enum device device)
{
	struct session *free = NULL;

	for (size_t i = 0; i < PROXY_SESSIONS; i++) {
		struct session *s = &sessions[i];

		/* A client that has closed the device may open it again at once. */
		if (s->fd >= 0 && device == DEVICE_TPM0 && s->device == DEVICE_TPM0) {
			if (!has_hung_up(s))
				return NULL;
			end_session(s);
		}
		if (s->fd < 0)
			free = s;
	}
	if (free != NULL)
		*free = (struct session){.fd = -1, .number = ++opens, .device = device};
	return free;
}

int proxy_open(enum device device, int pid)
{
	struct session *s;
	int pair[2];

	if (open_errnos[device] != 0)
		return -open_errnos[device];
	s = new_session(device);
	if (s == NULL)
		return -EBUSY;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	s->fd = pair[0];
	s->pid = pid;
	return pair[1];
}

int proxy_adopt(int fd)
{
	struct session *s = open_errnos[DEVICE_TPMRM0] == 0 ? new_session(DEVICE_TPMRM0) : NULL;

	if (s == NULL) {
		close(fd);
		return -1;
	}
	s->fd = fd;
	return 0;
}

void proxy_vanish(void)
{
	for (size_t i = 0; i < PROXY_SESSIONS; i++)
		if (sessions[i].fd >= 0)
			end_session(&sessions[i]);
}

void proxy_set_open(enum device device, int open_errno)
{
	open_errnos[device] = open_errno;
}

/* Reads what the client has sent. Returns whether the session goes on. */
static bool read_command(struct session *s)
{
	size_t size = TPM_HEADER;
	ssize_t got;

	got = recv(s->fd, s->cmd + s->have, sizeof s->cmd - s->have, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (got <= 0)
		return false;
	s->have += (size_t)got;
	if (s->have >= TPM_HEADER)
		size = tpm_u32(s->cmd + 2);
	if (size < TPM_HEADER || size > sizeof s->cmd || s->have > size)
		return false; /* a device would fail with EINVAL or E2BIG; here the session ends */
	if (s->have == size)
		s->turn = ++turns;
	return true;
}

/* ---- the command in flight ------------------------------------------- */

static double ms_in_flight(void)
{
	return (double)(now_us() - flight.start) / 1e3;
}

/* Sends the response in the buffer to the client, if it is still there. */
static void answer(void)
{
	struct session *s = flight.from;
	uint32_t rc = flight.n >= TPM_HEADER ? tpm_u32(flight.rsp + 6) : UINT32_MAX;

	flight.phase = IDLE;
	flight.from = NULL;
	record_add(flight.number, flight.cc, rc, ms_in_flight());
	if (s == NULL)
		return;
	s->have = 0;
	s->turn = 0;
	if (send(s->fd, flight.rsp, flight.n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)flight.n)
		end_session(s);
	else if (flight.n < TPM_HEADER || flight.n < tpm_u32(flight.rsp + 2))
		shutdown(
			s->fd,
			SHUT_WR); /* so that the client's next read is an end of file, as of a device */
}

/* Takes a response, the TPM's or one made up: applies the fault, and holds back a delayed one. */
static void dispose(void)
{
	enum fault_outcome what = FAULT_ANSWER;

	if (flight.fault.kind != NULL)
		what = flight.fault.kind->apply(flight.fault.value, flight.rsp, &flight.n);
	if (what == FAULT_SILENCE) {
		flight.phase = flight.from != NULL ? SILENT : IDLE;
		record_add(flight.number, flight.cc, UINT32_MAX, 0);
		return;
	}
	if (what == FAULT_KILL && flight.from != NULL && flight.from->pid > 0)
		kill(flight.from->pid, SIGKILL);
	if (what == FAULT_CLOSE || what == FAULT_KILL) {
		flight.phase = IDLE;
		record_add(flight.number, flight.cc, UINT32_MAX, ms_in_flight());
		if (flight.from != NULL)
			end_session(flight.from);
		return;
	}
	flight.phase = HELD;
	flight.due = now_us() + 1000 * (int64_t)flight.delay_ms;
	if (flight.due < flight.start + flight.chip + flight.swap)
		flight.due = flight.start + flight.chip + flight.swap;
	if (now_us() >= flight.due)
		answer();
}

/* Waits until the TPM has answered a command of the launcher's own. */
static void finish_asking(void)
{
	flight.n = tpm_receive(tpm, flight.rsp);
	flight.phase = IDLE;
	if (flight.n == 0) {
		proxy_tpm_lost();
		return;
	}
	trace('<', flight.rsp, flight.n);
	if (flight.n >= TPM_HEADER && tpm_u32(flight.rsp + 6) == RC_RETRY)
		flight.chip = chip_retry_us();
	if (flight.from != NULL)
		track(flight.from, flight.cc, flight.rsp, flight.n);
	if (flight.from != NULL && flight.from->device == DEVICE_TPMRM0)
		flight.swap += chip_behind_us(&flight.from->loaded);
	/* A client that has closed the device gets nothing more. */
	if (flight.from != NULL && flight.from->fd < 0)
		flight.from = NULL;
	dispose();
}

static void begin(struct session *s)
{
	flight.from = s;
	flight.number = s->number;
	flight.cc = tpm_u32(s->cmd + 6);
	flight.start = now_us();
	flight.chip = flight.swap = 0;
	flight.n = 0;
	s->turn = 0;
	flight.fault = fault_for(flight.cc, &flight.delay_ms);
	if (flight.fault.kind != NULL && flight.fault.kind->stage == FAULT_BEFORE) {
		dispose();
		return;
	}
	if (flight.fault.kind != NULL && flight.fault.kind->stage == FAULT_COMMAND) {
		flight.fault.kind->apply(flight.fault.value, s->cmd, &s->have);
		flight.fault.kind = NULL;
	}
	flight.chip = chip_us(tpm, s->cmd, s->have);
	flight.swap = s->device == DEVICE_TPMRM0 ? chip_before_us(&s->loaded) : 0;
	flight.phase = ASKED;
	trace('>', s->cmd, s->have);
	if (tpm_send(tpm, s->cmd, s->have) != 0)
		proxy_tpm_lost();
}

void proxy_hasten(void)
{
	flight.delay_ms = 0;
	flight.due = flight.start + flight.chip + flight.swap;
}

void proxy_settle(void)
{
	if (flight.phase == ASKED)
		finish_asking();
}

void proxy_tpm_reset(void)
{
	for (size_t i = 0; i < PROXY_SESSIONS; i++)
		sessions[i].loaded.count = 0;
}

void proxy_tpm_lost(void)
{
	flight.phase = IDLE;
	flight.from = NULL;
	proxy_tpm_reset();
	proxy_vanish();
}

/* ---- the loop's side ------------------------------------------------- */

size_t proxy_poll(struct pollfd *fds, int64_t *deadline)
{
	size_t n = 0;

	fds[n++] = (struct pollfd){flight.phase == ASKED ? tpm->fd : -1, POLLIN, 0};
	for (size_t i = 0; i < PROXY_SESSIONS; i++) {
		struct session *s = &sessions[i];

		/* While a complete command waits, only the end of the connection matters. */
		if (s->fd >= 0)
			fds[n++] = (struct pollfd){
				s->fd, s->turn != 0 || flight.from == s ? POLLRDHUP : POLLIN, 0};
	}
	if (flight.phase == HELD && flight.due < *deadline)
		*deadline = flight.due;
	return n;
}

static struct session *session_of(int fd)
{
	for (size_t i = 0; i < PROXY_SESSIONS; i++)
		if (sessions[i].fd == fd)
			return &sessions[i];
	return NULL;
}

void proxy_run(const struct pollfd *fds, size_t n)
{
	if (flight.phase == ASKED && fds[0].fd >= 0 && fds[0].revents != 0)
		finish_asking();
	if (flight.phase == HELD && now_us() >= flight.due)
		answer();
	for (size_t i = 1; i < n; i++) {
		struct session *s = fds[i].revents != 0 ? session_of(fds[i].fd) : NULL;

		if (s == NULL)
			continue;
		if (!(fds[i].events & POLLIN) || !read_command(s))
			end_session(s);
	}
	while (flight.phase == IDLE) {
		struct session *next = NULL;

		for (size_t i = 0; i < PROXY_SESSIONS; i++) {
			struct session *s = &sessions[i];

			if (s->fd >= 0 && s->turn != 0 && (next == NULL || s->turn < next->turn))
				next = s;
		}
		if (next == NULL)
			break;
		begin(next);
	}
}

bool proxy_is_busy(uint32_t *cc)
{
	bool busy = flight.phase != IDLE;

	*cc = busy ? flight.cc : 0;
	for (size_t i = 0; i < PROXY_SESSIONS; i++)
		busy = busy || (sessions[i].fd >= 0 && sessions[i].have > 0);
	return busy;
}

/* ---- reports --------------------------------------------------------- */

void proxy_print_count(FILE *out)
{
	record_print_count(out, opens);
}
