/*
 * port/linux: the TPM's device, standard input and output, the client.
 */
#include "port_linux.h"

/* ---- the TPM ------------------------------------------------------------- */

static void opens_fail(int first, int second, int result, unsigned second_opened)
{
	TSS2_TCTI_CONTEXT *tcti;
	const char *device;

	fake_devices[0] = (struct fake_device){"/dev/tpmrm0", first, -1, 0};
	fake_devices[1] = (struct fake_device){"/dev/tpm0", second, -1, 0};
	CHECK(port_tpm_open(&tcti, &device) == result);
	CHECK(tcti == NULL && device == NULL);
	CHECK(fake_devices[0].opened == 1 && fake_devices[1].opened == second_opened);
}

static void tpm_errors(void)
{
	opens_fail(ENOENT, ENOENT, -ERR_TPM_UNAVAILABLE, 1);
	opens_fail(ENOENT, EBUSY, -ERR_TPM_BUSY, 1);
	opens_fail(EACCES, 0, -ERR_TPM_DENIED, 0); /* the resource manager is not bypassed */
	opens_fail(EPERM, 0, -ERR_TPM_DENIED, 0);
	opens_fail(ENOENT, EACCES, -ERR_TPM_DENIED, 1);
	opens_fail(ENODEV, ENXIO, -ERR_TPM_UNAVAILABLE, 1);
	opens_fail(-1, EBUSY, -ERR_TPM_UNAVAILABLE, 0); /* no answer: only one attempt */
	CHECK(port_tpm_arm() == -ERR_NOTSUP);
	port_tpm_close();
}

/* After its driver was bound again, a device may have another number. */
static void tpm_has_another_number(void)
{
	TSS2_TCTI_CONTEXT *tcti;
	const char *device;
	int ends[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	fake_devices[0] = (struct fake_device){"/dev/tpmrm1", 0, ends[0], 0};
	fake_devices[1] = (struct fake_device){"/dev/tpm0", EBUSY, -1, 0};
	CHECK(port_tpm_open(&tcti, &device) == 0);
	CHECK(strcmp(device, "/dev/tpmrm1") == 0 && fake_devices[1].opened == 0);
	port_tpm_close();
	CHECK(close(ends[1]) == 0);
}

static void tpm_answers(void)
{
	TSS2_TCTI_CONTEXT *tcti;
	const char *device;
	int ends[2];

	for (unsigned round = 0; round < 2; round++) {
		CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
		fake_devices[0] = (struct fake_device){"/dev/my-tpm", 0, ends[0], 0};
		CHECK(set_option("--tpm", "/dev/my-tpm") == 0);
		CHECK(port_tpm_open(&tcti, &device) == 0);
		CHECK(tcti != NULL && strcmp(device, "/dev/my-tpm") == 0);
		CHECK(fcntl(ends[0], F_GETFD) == FD_CLOEXEC);
		CHECK(port_tpm_arm() == 0);
		expect_nothing(20); /* although the device is writable */
		say(ends[1], "response");
		expect(PORT_EVENT_TPM, 0);
		expect_nothing(0); /* the event comes once */
		CHECK(port_tpm_arm() == 0);
		CHECK(close(ends[1]) == 0);
		expect(PORT_EVENT_TPM, 0);
		CHECK(port_tpm_arm() == 0);
		port_tpm_close();
		port_tpm_close();
		expect_nothing(0);
	}
}

/* ---- standard input and output ------------------------------------------ */

static void once(void)
{
	int in[2], out[2], size;
	struct port_id id;
	uint8_t *tx;
	size_t cap;

	CHECK(pipe(in) == 0 && pipe(out) == 0);
	CHECK(dup2(in[0], 0) == 0 && dup2(out[1], 1) == 1);
	CHECK(close(in[0]) == 0 && close(out[1]) == 0);
	size = fcntl(1, F_SETPIPE_SZ, 4096);
	CHECK(size == 4096 && port_listen(PORT_ONCE) == 0);
	expect(PORT_EVENT_OPEN, 0);
	CHECK(port_admit(0) == 0);
	port_peer(0, &id);
	CHECK(strcmp(id.text, "stdin") == 0);
	expect_nothing(20);
	CHECK(write(in[1], "a\nb\n", 4) == 4);
	expect(PORT_EVENT_DATA, 0);
	expect_text(0, "a\nb\n", false);
	CHECK((fcntl(0, F_GETFL) & O_NONBLOCK) == 0 && (fcntl(1, F_GETFL) & O_NONBLOCK) == 0);
	port_rx_ack(0, 2);
	tx = port_tx(0, &cap);
	memset(tx, 'r', cap);
	port_tx_send(0, cap);
	expect_nothing(20); /* the pipe is full, and we did not block */
	for (size_t got = 0; got < cap;) {
		static char page[4096];
		struct port_event e;
		ssize_t n = read(out[0], page, sizeof(page));

		CHECK(n > 0);
		got += (size_t)n;
		CHECK(got < cap ? wait_ms(&e, 1, 20) >= 0 : 1);
	}
	expect_text(0, "b\n", false);
	port_rx_ack(0, 2);
	port_rx_arm(0);
	CHECK(close(in[1]) == 0);
	expect(PORT_EVENT_DATA, 0);
	expect_text(0, "", true);
	CHECK(close(out[0]) == 0);
	reply(0, "x");
	expect(PORT_EVENT_CLOSED, 0); /* and SIGPIPE does not end the process */
	port_close(0, 1000);
	CHECK(fcntl(0, F_GETFD) >= 0);
}

static void once_from_file(void)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);

	CHECK(fd >= 0 && write(fd, "line\n", 5) == 5 && lseek(fd, 0, SEEK_SET) == 0);
	CHECK(dup2(fd, 0) == 0 && dup2(open("/dev/null", O_WRONLY), 1) == 1);
	CHECK(port_listen(PORT_ONCE) == 0);
	expect(PORT_EVENT_OPEN, 0);
	expect(PORT_EVENT_DATA, 0);
	expect_text(0, "line\n", false);
	port_rx_ack(0, 5);
	reply(0, "x");
	expect(PORT_EVENT_SENT, 0);
	port_rx_arm(0);
	expect(PORT_EVENT_DATA, 0);
	expect_text(0, "", true);
	port_close(0, 0);
}

/* ---- the client --------------------------------------------------------- */

/* A service for one request, in a process of its own. */
static void serve_one(const char *request, const char *answer)
{
	CHECK(port_listen(PORT_SERVE) == 0);
	if (fork() == 0) {
		expect(PORT_EVENT_OPEN, 0);
		expect(PORT_EVENT_DATA, 0);
		expect_text(0, request, false);
		if (answer != NULL) {
			reply(0, answer);
			expect(PORT_EVENT_SENT, 0);
		}
		port_close(0, 0);
		_exit(0);
	}
}

static void feed_stdin(const char *text, size_t n)
{
	int in[2];

	CHECK(pipe(in) == 0 && dup2(in[0], 0) == 0);
	CHECK(fcntl(in[1], F_SETPIPE_SZ, 65536) >= 0);
	CHECK(write(in[1], text, n) == (ssize_t)n && close(in[1]) == 0);
}

static void calls(void)
{
	uint8_t buf[16];
	size_t n = 9;

	CHECK(port_call("x", buf, sizeof(buf), &n) == -ERR_IO && n == 0);
	serve_one("{}\n", "ok\nrest");
	CHECK(port_call("{}", buf, sizeof(buf), &n) == 0 && n == 2 && memcmp(buf, "ok", 2) == 0);
}

static void calls_with_stdin(void)
{
	static char much[REQUEST_MAX + 2];
	uint8_t buf[16];
	size_t n;

	memset(much, 'm', sizeof(much));
	feed_stdin(much, REQUEST_MAX + 1);
	CHECK(port_call(NULL, buf, sizeof(buf), &n) == -ERR_TOO_LONG);
	feed_stdin("first\nsecond\n", 13);
	serve_one("first\n", "0123456789abcdef");
	CHECK(port_call(NULL, buf, sizeof(buf), &n) == 0 && n == 16);
}

static void calls_get_too_much(void)
{
	uint8_t buf[16];
	size_t n;

	feed_stdin("no end", 6);
	serve_one("no end\n", "0123456789abcdefg\n");
	CHECK(port_call(NULL, buf, sizeof(buf), &n) == -ERR_RANGE && n == 0);
}

static void calls_get_nothing(void)
{
	uint8_t buf[16];
	size_t n;

	serve_one("x\n", NULL);
	CHECK(port_call("x", buf, sizeof(buf), &n) == -ERR_IO && n == 0);
}

#define ALL_TESTS(X)              \
	X(tpm_errors)             \
	X(tpm_answers)            \
	X(tpm_has_another_number) \
	X(once)                   \
	X(once_from_file)         \
	X(calls)                  \
	X(calls_with_stdin)       \
	X(calls_get_too_much)     \
	X(calls_get_nothing)

RUN(ALL_TESTS)
