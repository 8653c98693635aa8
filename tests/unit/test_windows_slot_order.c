/*
 * The connections of the Windows port: whatever happens in whatever order, no slot
 * stays in a state that nothing ends.
 */
#include "fake_pipe.h"

#define LISTEN_TRIES 8 /* as in slot.c */

/* What the core does with a connection. */
static enum { NONE, READING, BUSY, SENDING } core[CONN_MAX];
static uint32_t seed;
static bool seen[SLOT_CANCEL + 1]; /* that state */

static unsigned up_to(unsigned n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 16) % n;
}

static bool slot_is_pending(unsigned conn)
{
	return is_pending(&slots[conn].io) || is_pending(&slots[conn].drain);
}

static void check(unsigned conn)
{
	const struct slot *s = &slots[conn];

	seen[s->state] = true;
	if (s->state == SLOT_CLOSED) {
		assert_false(instances[conn].open);
		return;
	}
	assert_true(instances[conn].open);
	assert_int_equal(s->io_pending, is_pending(&s->io));
	assert_int_equal(s->drain_pending, is_pending(&s->drain));
	assert_true((s->state != SLOT_LISTEN && s->state != SLOT_RX && s->state != SLOT_TX) ||
		    s->io_pending);
	assert_true(s->state != SLOT_CANCEL || slot_is_pending(conn));
	if (s->state == SLOT_LINGER || s->state == SLOT_PAUSE) {
		assert_true(slots_deadline() <= s->until);
		assert_in_range(s->until, fake_now + 1, fake_now + 2000);
	}
}

static void end_one(OVERLAPPED *o, unsigned conn)
{
	const struct fake_operation *op = operation_of(o);
	/* What has ended before the client left has not failed. */
	bool left = op->kind != 'c' && instances[conn].client != HERE && up_to(2);
	bool failed = op->cancelled ? up_to(4) > 0 : left || up_to(6) == 0;
	size_t n = op->kind == 'w' ? op->n : op->kind == 'r' ? 4 * up_to(3) : 0;

	if (failed && op->kind != 'c' && !op->cancelled) {
		instances[conn].client = LEFT;
	}
	end(o, failed ? ERROR_BROKEN_PIPE : 0, failed ? 0 : n);
	/* Then only the client itself, or time, can end it. */
	if (o == &slots[conn].io && slots[conn].state == SLOT_LINGER) {
		assert_false(slots[conn].gone);
	}
}

static void core_takes(const struct port_event *e)
{
	const uint8_t *p;
	unsigned conn = e->conn;
	size_t n;

	if (e->kind == PORT_EVENT_OPEN) {
		core[conn] = up_to(2) ? READING : NONE;
		if (core[conn] == NONE) {
			refuse_client(conn);
		}
	} else if (e->kind == PORT_EVENT_DATA && core[conn] == READING) {
		assert_false(port_rx(conn, &p, &n));
		port_rx_ack(conn, n);
		core[conn] = BUSY;
	} else if (core[conn] != NONE) { /* not the second event of one that was refused */
		core[conn] = NONE;
		port_close(conn, up_to(2) * 2000);
	}
}

static void core_acts(unsigned conn)
{
	if (core[conn] == BUSY && up_to(2)) {
		core[conn] = READING;
		port_rx_arm(conn);
	} else if (core[conn] == BUSY) {
		core[conn] = SENDING;
		reply_to_client(conn);
	} else if (core[conn] != NONE && up_to(20) == 0) {
		core[conn] = NONE;
		port_close(conn, 0);
	}
}

static void step(void)
{
	static const DWORD errors[] = {ERROR_PIPE_CONNECTED, ERROR_NO_DATA,
				       ERROR_NO_SYSTEM_RESOURCES};
	unsigned conn = up_to(CONN_MAX);
	OVERLAPPED *o = up_to(2) ? &slots[conn].io : &slots[conn].drain;
	struct port_event events[4];
	size_t n = pending_report(events, up_to(4));

	for (size_t i = 0; i < n; i++) {
		core_takes(&events[i]);
	}
	connect_error = errors[up_to(3)];
	connect_times = up_to(3) ? 0 : up_to(LISTEN_TRIES + 2);
	if (instances[conn].client == HERE && up_to(8) == 0) {
		instances[conn].client = LEFT;
	}
	if (is_pending(o)) {
		end_one(o, conn);
	}
	core_acts(conn);
	fake_now += up_to(20);
	slots_expire(fake_now);
	for (unsigned i = 0; i < CONN_MAX; i++) {
		check(i);
	}
}

static bool all_are_closed(void)
{
	for (unsigned i = 0; i < CONN_MAX; i++) {
		if (slots[i].state != SLOT_CLOSED || slot_is_pending(i)) {
			return false;
		}
	}
	return true;
}

/* Whatever was done before, after unlisten each slot is closed when its client is. */
static void any_order(void **state)
{
	for (unsigned round = 0; round < 10; round++) {
		seed = round;
		(void)all_listen(state);
		memset(core, 0, sizeof core);
		slots_sent_is_read = round % 2;
		for (unsigned i = 0; i < 2000; i++) {
			step();
		}
		slots_unlisten();
		for (unsigned i = 0; i < 20000 && !all_are_closed(); i++) {
			step();
		}
		assert_true(all_are_closed());
	}
	for (unsigned i = 0; i <= SLOT_CANCEL; i++) {
		assert_true(seen[i]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order),
	};

	return cmocka_run_group_tests_name("windows_slot_order", tests, NULL, NULL);
}
