/*
 * load: sends a service the same request again and again, each over a new connection.
 *
 *     load [--uid UID] SOCKET REQUEST SECONDS [CONNECTIONS]
 *     load --latency N|- SOCKET FILE
 *
 * The first keeps that many connections busy (1 if not said) and counts; the
 * second sends the request in FILE N times, one after the other, and lists how
 * long each took; "-" takes an N from each line of standard input. Both print
 * a line of JSON. A reply that is not a success counts as an error.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define SAMPLES_MAX 2000000
#define REPLY_MAX 16384
#define PATIENCE_MS 30000

struct connection {
	int fd; /* -1: idle */
	double start;
	size_t have;
	char reply[REPLY_MAX];
};

static struct connection connections[CONNECTIONS_MAX];
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static char request[20000];
static size_t request_len;
static float samples[SAMPLES_MAX]; /* microseconds */
static size_t sample_count, errors;

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

/* Connects and sends the request. False: the service's backlog is full, or it has ended. */
static bool start(struct connection *c)
{
	c->start = now_us();
	c->have = 0;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd < 0) {
		perror("load: socket");
		exit(1);
	}
	if (connect(c->fd, (struct sockaddr *)&address, sizeof address) == 0 &&
	    send(c->fd, request, request_len, MSG_NOSIGNAL) == (ssize_t)request_len)
		return true;
	errors += errno != EAGAIN;
	close(c->fd);
	c->fd = -1;
	return false;
}

/* Reads what has arrived. When the reply is complete, notes the time that it took. */
static void take(struct connection *c)
{
	static const char ok[] = "{\"status\":\"ok\"";
	ssize_t n = recv(c->fd, c->reply + c->have, REPLY_MAX - c->have, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		c->have += (size_t)n;
		if (c->reply[c->have - 1] != '\n' && c->have < REPLY_MAX)
			return;
	}
	if (n > 0 && c->have >= sizeof ok && memcmp(c->reply, ok, sizeof ok - 1) == 0) {
		if (sample_count < SAMPLES_MAX)
			samples[sample_count++] = (float)(now_us() - c->start);
	} else {
		errors++;
	}
	close(c->fd);
	c->fd = -1;
}

/*
 * Keeps n connections busy until the time `end`, or until `total` requests
 * are answered.
 */
static void keep_busy(size_t n, double end, size_t total)
{
	struct pollfd fds[CONNECTIONS_MAX];
	bool more = true;

	for (;;) {
		size_t busy = 0;

		more = more && now_us() < end && sample_count + errors < total;
		for (size_t i = 0; i < n; i++) {
			struct connection *c = &connections[i];

			if (c->fd < 0 && more)
				start(c);
			fds[i] = (struct pollfd){c->fd, POLLIN, 0};
			busy += c->fd >= 0;
		}
		if (busy == 0 && !more)
			return;
		if (poll(fds, n, busy > 0 ? PATIENCE_MS : 1) == 0 && busy > 0) {
			fprintf(stderr, "load: no reply\n");
			exit(1);
		}
		for (size_t i = 0; i < n; i++)
			if (fds[i].fd >= 0 && fds[i].revents != 0)
				take(&connections[i]);
	}
}

static int ascending(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static void print_quantiles(void)
{
	qsort(samples, sample_count, sizeof *samples, ascending);
	printf("\"p50_us\":%.1f,\"p99_us\":%.1f}\n",
	       sample_count > 0 ? samples[sample_count / 2] : 0,
	       sample_count > 0 ? samples[sample_count * 99 / 100] : 0);
}

static void set_address(const char *path)
{
	if (strlen(path) >= sizeof address.sun_path) {
		fprintf(stderr, "load: %s: too long\n", path);
		exit(1);
	}
	strcpy(address.sun_path, path);
}

static void measure(size_t rounds)
{
	sample_count = errors = 0;
	keep_busy(1, 1e300, rounds);
	printf("{\"rounds\":%zu,\"errors\":%zu,\"samples_us\":[", rounds, errors);
	for (size_t i = 0; i < sample_count; i++)
		printf("%s%.1f", i == 0 ? "" : ",", samples[i]);
	printf("],");
	print_quantiles();
	fflush(stdout);
}

static int latency(const char *rounds, const char *path, const char *file)
{
	FILE *in = fopen(file, "re");
	char line[32];

	if (in == NULL) {
		perror(file);
		return 1;
	}
	request_len = fread(request, 1, sizeof request, in);
	fclose(in);
	set_address(path);
	if (strcmp(rounds, "-") != 0)
		measure(strtoul(rounds, NULL, 10));
	else
		while (fgets(line, sizeof line, stdin) != NULL)
			measure(strtoul(line, NULL, 10));
	return errors > 0;
}

static int throughput(const char *path, const char *text, double seconds, size_t n)
{
	double begin, spent;

	if (n < 1 || n > CONNECTIONS_MAX || strlen(text) + 2 > sizeof request) {
		fprintf(stderr, "load: too many connections or too long a request\n");
		return 64;
	}
	request_len = (size_t)snprintf(request, sizeof request, "%s\n", text);
	set_address(path);
	begin = now_us();
	keep_busy(n, begin + seconds * 1e6, SIZE_MAX);
	spent = (now_us() - begin) / 1e6;
	printf("{\"requests\":%zu,\"seconds\":%.3f,\"rps\":%.0f,\"errors\":%zu,", sample_count,
	       spent, (double)sample_count / spent, errors);
	print_quantiles();
	return errors > 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "--uid") == 0) {
		if (setuid((uid_t)strtoul(argv[2], NULL, 10)) < 0) {
			perror("load: setuid");
			return 1;
		}
		argc -= 2;
		argv += 2;
	}
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		connections[i].fd = -1;
	if (argc == 5 && strcmp(argv[1], "--latency") == 0)
		return latency(argv[2], argv[3], argv[4]);
	if (argc == 4 || argc == 5)
		return throughput(argv[1], argv[2], strtod(argv[3], NULL),
				  argc == 5 ? strtoul(argv[4], NULL, 10) : 1);
	fputs("usage: load [--uid UID] SOCKET REQUEST SECONDS [CONNECTIONS]\n"
	      "       load --latency N|- SOCKET FILE\n",
	      stderr);
	return 64;
}
