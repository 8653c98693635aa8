#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "base/text.h"
#include "err.h"
#include "log.h"
#include "port.h"

#define SECONDS_A_DAY 86400

/*
 * The date of the day that many days after 1970-01-01. It is computed in years
 * that begin in March, so that the leap day is the last, and eras of 400 years.
 */
static void add_date(struct text *t, uint64_t days)
{
	uint64_t z = days + 719468; /* since 0000-03-01 */
	uint64_t era = z / 146097;
	uint64_t day_of_era = z % 146097;
	uint64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	uint64_t day = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint64_t march_month = (5 * day + 2) / 153;
	uint64_t month = march_month < 10 ? march_month + 3 : march_month - 9;

	text_dec(t, era * 400 + year_of_era + (month <= 2), 4);
	text_str(t, "-");
	text_dec(t, month, 2);
	text_str(t, "-");
	text_dec(t, day - (153 * march_month + 2) / 5 + 1, 2);
}

static void add_time(struct text *t)
{
	struct timespec now = clock_now(CLOCK_REALTIME);
	uint64_t s = now.tv_sec > 0 ? (uint64_t)now.tv_sec : 0;

	add_date(t, s / SECONDS_A_DAY);
	s %= SECONDS_A_DAY;
	text_str(t, "T");
	text_dec(t, s / 3600, 2);
	text_str(t, ":");
	text_dec(t, s / 60 % 60, 2);
	text_str(t, ":");
	text_dec(t, s % 60, 2);
	text_str(t, "Z ");
}

/* Standard error goes to systemd's journal, which adds times and reads priorities. */
static bool to_journal;

/* The variable is also set if standard error was redirected, so the file is compared. */
void log_open(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[48];
	struct text t = text_in(own, sizeof(own));
	struct stat st;

	if (stream == NULL || fstat(STDERR_FILENO, &st) < 0) {
		return;
	}
	text_dec(&t, st.st_dev, 1);
	text_str(&t, ":");
	text_dec(&t, st.st_ino, 1);
	text_end(&t);
	to_journal = strcmp(stream, own) == 0;
}

void port_log(enum port_log_level level, const char *text, size_t n)
{
	static const char names[][9] = {"error ", "warning ", "info ", "debug "};
	static const char priorities[][4] = {"<3>", "<4>", "<6>", "<7>"}; /* syslog's */
	char front[40];
	struct text t = text_in(front, sizeof(front));
	struct iovec parts[3];
	struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};

	/* A stuck reader must not hold up the service. If a pipe has room at
	 * all, it has room for a line; otherwise the line is lost. */
	if (poll(&room, 1, 0) <= 0 || (room.revents & POLLOUT) == 0) {
		return;
	}
	if (to_journal) {
		text_printable(&t, priorities[level]);
	} else {
		add_time(&t);
	}
	text_printable(&t, names[level]);
	parts[0] = (struct iovec){front, t.len};
	parts[1] = (struct iovec){(void *)(uintptr_t)text, n};
	parts[2] = (struct iovec){"\n", 1};
	/* One call, so that lines of several processes do not mix. If the log
	 * cannot be written, there is nobody to tell. */
	(void)!writev(STDERR_FILENO, parts, 3);
}

/* The errors that users meet; the C library's strerror takes 3 kB. */
static void add_reason(struct text *t, int e)
{
	static const struct {
		int e;
		char text[30];
	} reasons[] = {
		{EPERM, "operation not permitted"},
		{ENOENT, "no such file or directory"},
		{EIO, "input/output error"},
		{EBADF, "it is closed"},
		{EAGAIN, "it does not answer"},
		{ENOMEM, "out of memory"},
		{EACCES, "permission denied"},
		{EBUSY, "device busy"},
		{ENOTDIR, "not a directory"},
		{EISDIR, "is a directory"},
		{EMFILE, "too many open files"},
		{ENOSPC, "no space left on device"},
		{EROFS, "read-only file system"},
		{EPIPE, "nobody reads it"},
		{EADDRINUSE, "address in use"},
		{ECONNRESET, "connection reset"},
		{ETIMEDOUT, "timed out"},
		{ECONNREFUSED, "connection refused"},
		{ENFILE, "too many files in the system"},
		{ENAMETOOLONG, "name too long"},
		{ELOOP, "too many links"},
		{ESHUTDOWN, "it was shut down"},
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].e == e) {
			text_printable(t, reasons[i].text);
			return;
		}
	}
	text_str(t, "errno ");
	text_dec(t, (uint64_t)e, 1);
}

void log_reason(enum port_log_level level, const char *what, const char *path, int e)
{
	char text[256];
	struct text t = text_in(text, sizeof(text));

	text_printable(&t, what);
	if (path != NULL) {
		text_str(&t, " ");
		text_printable(&t, path);
	}
	if (e != 0) {
		text_str(&t, ": ");
		add_reason(&t, e);
	}
	port_log(level, text, t.len);
}

int port_print(bool to_stderr, const char *text, size_t n)
{
	struct pollfd p = {.fd = to_stderr ? STDERR_FILENO : STDOUT_FILENO, .events = POLLOUT};

	while (n > 0) {
		ssize_t r = write(p.fd, text, n);

		if (r > 0) {
			text += r;
			n -= (size_t)r;
		} else if (r < 0 && errno == EAGAIN) {
			(void)poll(&p, 1, -1); /* another program made it non-blocking */
		} else if (r == 0 || errno != EINTR) {
			log_reason(PORT_LOG_ERROR, "cannot write the output", NULL,
				   r == 0 ? EIO : errno);
			return -ERR_IO;
		}
	}
	return 0;
}
