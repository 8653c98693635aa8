/*
 * port/linux: who may connect.
 */
#include "common/pending_events.h"
#include "port_linux.h"

#include <grp.h>

#include "../../port/common/pending_events.h"
#include "../../port/linux/slot.h"

/* ---- half of the slots for one account ----------------------------------- */

/* A client, and whether it is admitted. */
static int open_client(unsigned conn, int result)
{
	int fd = client();

	CHECK(fd >= 0);
	expect(PORT_EVENT_OPEN, conn);
	CHECK(port_admit(conn) == result);
	return fd;
}

static void turn_away(unsigned conn, const char *text)
{
	size_t cap;
	uint8_t *p = port_tx(conn, &cap);

	memcpy(p, text, strlen(text));
	port_turn_away(conn, strlen(text));
}

static void half_the_slots(void)
{
	int fds[CONN_EACH], fd;

	CHECK(port_listen(PORT_SERVE) == 0);
	for (unsigned i = 0; i < CONN_EACH; i++) {
		fds[i] = open_client(i, 0);
	}
	for (unsigned round = 0; round < 40; round++) {
		fd = open_client(CONN_EACH, -ERR_CLIENTS);
		if (round % 2 == 1) {
			say(fd, "what it says is not looked at");
		}
		turn_away(CONN_EACH, "no");
		hear(fd, "no");
		hear(fd, "");
		CHECK(send(fd, "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
		CHECK(close(fd) == 0 && slots_used == 0xffff);
	}
	port_close(3, 0);
	CHECK(close(fds[3]) == 0);
	fds[3] = open_client(3, 0);
	(void)open_client(CONN_EACH, -ERR_CLIENTS);
}

/* A slot that lingers still counts for its client's account. */
static void lingering_counts(void)
{
	int fds[CONN_EACH];

	CHECK(port_listen(PORT_SERVE) == 0);
	for (unsigned i = 0; i < CONN_EACH; i++) {
		fds[i] = open_client(i, 0);
		port_close(i, 5000);
	}
	(void)open_client(CONN_EACH, -ERR_CLIENTS);
	turn_away(CONN_EACH, "no");
	CHECK(close(fds[5]) == 0);
	expect_nothing(20);
	(void)open_client(5, 0);
}

/* A client that is gone, and one whose data was reported. */
static void turned_away_in_any_state(void)
{
	struct port_event e[2];
	int fd;

	CHECK(port_listen(PORT_SERVE) == 0);
	fd = client();
	CHECK(close(fd) == 0);
	CHECK(wait_ms(e, 2, 2000) == 2 && e[0].kind == PORT_EVENT_OPEN);
	turn_away(0, "no");
	CHECK(slots_used == 0);
	fd = client();
	say(fd, "hello\n");
	CHECK(wait_ms(e, 2, 2000) == 2 && e[1].kind == PORT_EVENT_DATA);
	turn_away(0, "no");
	CHECK(slots_used == 0 && !pending_any());
	hear(fd, "no");
	hear(fd, "");
	fd = client();
	say(fd, "hello\n");
	expect(PORT_EVENT_OPEN, 0);
	turn_away(0, "no");
	CHECK(slots_used == 0 && !pending_any());
	expect_nothing(0);
	hear(fd, "no");
	hear(fd, "");
}

/* ---- --allow, --allow-quote ---------------------------------------------- */

static void allowed(const char *list, int result)
{
	int fd;

	CHECK(set_option("--allow", list) == 0);
	fd = open_client(0, result);
	turn_away(0, "x");
	CHECK(close(fd) == 0);
}

static void is_allowed(void)
{
	char list[64];

	CHECK(port_listen(PORT_SERVE) == 0);
	(void)snprintf(list, sizeof(list), "%u", getuid());
	allowed(list, 0);
	(void)snprintf(list, sizeof(list), "4294967294,@7654321,%u", getuid());
	allowed(list, 0);
	(void)snprintf(list, sizeof(list), "7654321,@%u", getgid());
	allowed(list, 0);
	(void)snprintf(list, sizeof(list), "%u,@%u", getuid() + 1, getgid() + 1);
	allowed(list, -ERR_ACCESS);
	/* Its uid does not match a group, nor its gid a user. */
	if (setegid(getgid() + 5) == 0) {
		(void)snprintf(list, sizeof(list), "@%u,%u", getuid() + 2, getegid());
		allowed(list, -ERR_ACCESS);
	}
}

/* The supplementary groups, also where there are many. */
static void is_allowed_by_group(void)
{
	static gid_t groups[2000];
	size_t n = 0;

	for (; n < 1024; n++) {
		groups[n] = 70000 + (gid_t)n;
	}
	if (geteuid() != 0) {
		return; /* who else may set them? */
	}
	CHECK(port_listen(PORT_SERVE) == 0);
	CHECK(setgroups(3, groups) == 0);
	allowed("@70000", 0);
	allowed("1234,@70002", 0);
	allowed("@70003,@1", -ERR_ACCESS);
	CHECK(setgroups(n, groups) == 0);
	allowed("@71023", 0);
	allowed("@71024", -ERR_ACCESS);
	for (; n < 2000; n++) {
		groups[n] = 70000 + (gid_t)n;
	}
	CHECK(setgroups(n, groups) == 0);
	allowed("@70000", -ERR_ACCESS); /* too many groups to compare */
	allowed("@0", 0); /* its primary group is compared all the same */
}

/* --allow-quote holds for admitted clients; the two lists do not influence each other. */
static void may_quote(const char *in, const char *quote, bool may)
{
	int fd;

	CHECK(set_option("--allow", in) == 0 && set_option("--allow-quote", quote) == 0);
	fd = open_client(0, 0);
	CHECK(port_may_quote(0) == may);
	CHECK(set_option("--allow-quote", "4294967294") == 0);
	CHECK(!port_may_quote(0));
	port_close(0, 0);
	CHECK(close(fd) == 0);
}

static void is_allowed_to_quote(void)
{
	char own[32], group[32];
	int fd;

	CHECK(port_listen(PORT_SERVE) == 0);
	fd = open_client(0, 0);
	CHECK(port_may_quote(0)); /* --allow-quote was not given */
	port_close(0, 0);
	CHECK(!port_may_quote(0)); /* nobody is on the list */
	CHECK(close(fd) == 0);
	(void)snprintf(own, sizeof(own), "%u", getuid());
	(void)snprintf(group, sizeof(group), "7654321,@%u", getgid());
	may_quote(own, own, true);
	may_quote(own, group, true);
	may_quote(group, "7654321,@7654321", false);
	CHECK(set_option("--allow", "7654321") == 0 && set_option("--allow-quote", own) == 0);
	(void)open_client(0, -ERR_ACCESS);
	CHECK(!port_may_quote(0)); /* it was not admitted */
	turn_away(0, "x");
}

/* Its groups at the time it connected count. */
static void is_allowed_to_quote_by_group(void)
{
	static const gid_t groups[] = {70000, 70001};
	int fd;

	if (geteuid() != 0) {
		return; /* who else may set them? */
	}
	CHECK(port_listen(PORT_SERVE) == 0);
	CHECK(set_option("--allow-quote", "@70001") == 0);
	CHECK(setgroups(2, groups) == 0);
	fd = open_client(0, 0);
	CHECK(setgroups(1, groups) == 0);
	(void)open_client(1, 0);
	CHECK(port_may_quote(0) && !port_may_quote(1));
	CHECK(close(fd) == 0);
	CHECK(port_may_quote(0)); /* also after it has hung up */
}

/* Whoever started `attestd once` is not a client of the socket. */
static void standard_input_may(void)
{
	CHECK(set_option("--allow-quote", "4294967294") == 0);
	CHECK(port_listen(PORT_ONCE) == 0);
	expect(PORT_EVENT_OPEN, 0);
	CHECK(port_admit(0) == 0 && port_may_quote(0));
}

static void lists(void)
{
	static const char *const options[] = {"--allow", "--allow-quote"};
	static const char *const wrong[] = {
		"",           ",",           "1,",          ",1",          "1,,2",
		"@",          "@@1",         "1,@",         "root",        "-1",
		"+1",         " 1",          "1 ",          "1;2",         "0x1",
		"4294967295", "@4294967295", "42949672940", "00000000001", "1,18446744073709551617",
		"1@2",
	};

	for (size_t k = 0; k < 2; k++) {
		char list[4 * 65 + 1] = "", *end = list;

		for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
			CHECK(set_option(options[k], wrong[i]) == -ERR_USAGE);
		}
		for (unsigned i = 0; i < 65; i++) {
			end += sprintf(end, "%s@%u", i == 0 ? "" : ",", i % 10);
			CHECK(set_option(options[k], list) == (i < 64 ? 0 : -ERR_USAGE));
		}
		CHECK(set_option(options[k], "0,4294967294,@0,@4294967294") == 0);
	}
}

#define ALL_TESTS(X)                    \
	X(half_the_slots)               \
	X(lingering_counts)             \
	X(turned_away_in_any_state)     \
	X(is_allowed)                   \
	X(is_allowed_by_group)          \
	X(is_allowed_to_quote)          \
	X(is_allowed_to_quote_by_group) \
	X(standard_input_may)           \
	X(lists)

RUN(ALL_TESTS)
