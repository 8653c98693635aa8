/*
 * The connections of the Windows port: what becomes of a slot when its operations
 * end, or its time.
 */
#include "fake_pipe.h"

#define EMPTY_MAX 64 /* as in slot.c */
#define LISTEN_TRIES 8
#define LISTEN_PAUSE_MS 100
#define FREE_MIN (CONN_MAX / 4) /* as in connection.c */

static void assert_event(enum port_event_kind kind, unsigned conn)
{
	struct port_event e;

	assert_int_equal(pending_report(&e, 1), 1);
	assert_int_equal(e.kind, kind);
	assert_int_equal(e.conn, conn);
}

static void client_comes(unsigned conn)
{
	end(&slots[conn].io, 0, 0);
	assert_event(PORT_EVENT_OPEN, conn);
	assert_int_equal(slots[conn].state, SLOT_RX);
}

/* The client sends a request and gets its reply. */
static void serve(unsigned conn)
{
	const uint8_t *p;
	size_t n;

	client_comes(conn);
	end(&slots[conn].io, 0, 5);
	assert_event(PORT_EVENT_DATA, conn);
	assert_false(port_rx(conn, &p, &n));
	assert_int_equal(n, 5);
	assert_memory_equal(p, "rrrrr", 5);
	port_rx_ack(conn, 5);
	reply_to_client(conn);
	assert_int_equal(slots[conn].state, SLOT_TX);
	end(&slots[conn].io, 0, 4);
	assert_event(PORT_EVENT_SENT, conn);
}

static void assert_listens(unsigned conn)
{
	assert_int_equal(slots[conn].state, SLOT_LISTEN);
	assert_int_equal(operations[conn][0].kind, 'c');
	assert_true(is_pending(&slots[conn].io) && !is_pending(&slots[conn].drain));
	assert_false(pending_any());
}

/* The system finds that it is gone by the read that follows the refusal, not by its end. */
static void refused_client_reads_why_and_leaves(void **state)
{
	static const DWORD ends[] = {ERROR_BROKEN_PIPE, 0, ERROR_MORE_DATA};

	(void)state;
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		client_comes(0);
		refuse_client(0);
		assert_int_equal(slots[0].state, SLOT_LINGER);
		assert_int_equal(slots_deadline(), fake_now + TURN_AWAY_MS);
		instances[0].client = LEFT;
		end(&slots[0].drain, 0, 3);
		assert_int_equal(slots[0].state, SLOT_LINGER);
		end(&slots[0].io, ends[i], ends[i] == ERROR_BROKEN_PIPE ? 0 : 7);
		assert_listens(0);
		assert_int_equal(slots_deadline(), PORT_NEVER);
	}
}

static void refused_client_stays(void **state)
{
	(void)state;
	client_comes(0);
	refuse_client(0);
	end(&slots[0].io, 0, 9); /* its request is of no interest */
	end(&slots[0].drain, 0, 3);
	end(&slots[0].drain, 0, 4096);
	slots_expire(fake_now + TURN_AWAY_MS - 1);
	assert_int_equal(slots[0].state, SLOT_LINGER);
	slots_expire(fake_now + TURN_AWAY_MS);
	assert_int_equal(slots[0].state, SLOT_CANCEL);
	end(&slots[0].drain, ERROR_OPERATION_ABORTED, 0);
	assert_listens(0);
}

static void refused_client_is_not_told_if_few_are_free(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CONN_MAX - FREE_MIN; i++) {
		client_comes(i);
		refuse_client(i);
		assert_int_equal(slots[i].state, SLOT_LINGER);
	}
	client_comes(CONN_MAX - 1);
	refuse_client(CONN_MAX - 1);
	assert_int_equal(slots[CONN_MAX - 1].state, SLOT_CANCEL);
	end(&slots[CONN_MAX - 1].io, ERROR_PIPE_NOT_CONNECTED, 0);
	assert_listens(CONN_MAX - 1);
}

static void served_client_leaves(void **state)
{
	(void)state;
	serve(3);
	port_close(3, 0);
	assert_int_equal(slots[3].state, SLOT_LINGER);
	instances[3].client = LEFT;
	end(&slots[3].drain, ERROR_BROKEN_PIPE, 0);
	assert_listens(3);
	serve(3);
	instances[3].client = LEFT;
	end(&slots[3].drain, ERROR_BROKEN_PIPE, 0);
	port_close(3, 0); /* it has left already */
	assert_listens(3);
}

static void served_client_is_known_to_have_read(void **state)
{
	(void)state;
	slots_sent_is_read = true;
	serve(3);
	port_close(3, 2000);
	assert_int_equal(slots[3].state, SLOT_CANCEL);
	end(&slots[3].drain, ERROR_OPERATION_ABORTED, 0);
	assert_listens(3);
}

/* The client neither reads its reply nor leaves. */
static void lingering_ends(void **state)
{
	static const unsigned asked[] = {0, 2 * LINGER_MS};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		uint64_t until = fake_now + (asked[i] > LINGER_MS ? asked[i] : LINGER_MS);

		serve(0);
		port_close(0, asked[i]);
		end(&slots[0].drain, ERROR_MORE_DATA, 4096);
		assert_int_equal(slots_deadline(), until);
		slots_expire(until - 1);
		assert_int_equal(slots[0].state, SLOT_LINGER);
		slots_expire(until);
		assert_int_equal(slots[0].state, SLOT_CANCEL);
		assert_int_equal(slots_deadline(), PORT_NEVER);
		end(&slots[0].drain, ERROR_OPERATION_ABORTED, 0);
		assert_listens(0);
	}
}

static void empty_messages(void **state)
{
	(void)state;
	client_comes(0);
	for (unsigned i = 1; i < EMPTY_MAX; i++) {
		end(&slots[0].io, 0, 0);
	}
	assert_false(pending_any());
	end(&slots[0].io, 0, 1);
	assert_event(PORT_EVENT_DATA, 0);
	port_rx_arm(0);
	for (unsigned i = 1; i < EMPTY_MAX; i++) {
		end(&slots[0].io, 0, 0);
	}
	assert_false(pending_any());
	end(&slots[0].io, 0, 0);
	assert_event(PORT_EVENT_CLOSED, 0);
	port_close(0, 0);
	assert_listens(0);
}

/* What is cancelled may end as if it was not, and then the buffer was used. */
static void cancelled_operations_end(void **state)
{
	(void)state;
	client_comes(0);
	port_close(0, 0);
	assert_int_equal(slots[0].state, SLOT_CANCEL);
	end(&slots[0].io, 0, RX_MAX);
	assert_listens(0);

	client_comes(0);
	end(&slots[0].io, 0, 1);
	assert_event(PORT_EVENT_DATA, 0);
	reply_to_client(0);
	port_close(0, 0);
	assert_int_equal(slots[0].state, SLOT_CANCEL);
	end(&slots[0].drain, ERROR_OPERATION_ABORTED, 0);
	assert_int_equal(slots[0].state, SLOT_CANCEL);
	end(&slots[0].io, ERROR_OPERATION_ABORTED, 0);
	assert_listens(0);
}

static void listens_again_after_a_pause(void **state)
{
	(void)state;
	end(&slots[0].io, ERROR_BROKEN_PIPE, 0);
	assert_int_equal(slots[0].state, SLOT_PAUSE);
	assert_int_equal(slots_deadline(), fake_now + LISTEN_PAUSE_MS);
	connect_error = ERROR_NO_SYSTEM_RESOURCES;
	connect_times = 1;
	fake_now += LISTEN_PAUSE_MS;
	slots_expire(fake_now);
	assert_int_equal(slots[0].state, SLOT_PAUSE);
	connect_error = ERROR_NO_DATA; /* clients come and go */
	connect_times = LISTEN_TRIES;
	fake_now += LISTEN_PAUSE_MS;
	slots_expire(fake_now);
	assert_int_equal(connect_times, 0);
	assert_int_equal(slots[0].state, SLOT_PAUSE);
	connect_times = LISTEN_TRIES - 1;
	slots_expire(fake_now + LISTEN_PAUSE_MS);
	assert_listens(0);
	client_comes(0);
	port_close(0, 0);
	connect_error = ERROR_PIPE_CONNECTED; /* the next one is there already */
	connect_times = 1;
	end(&slots[0].io, ERROR_OPERATION_ABORTED, 0);
	assert_event(PORT_EVENT_OPEN, 0);
	assert_int_equal(slots[0].state, SLOT_RX);
}

static void unlisten_closes_what_has_no_client(void **state)
{
	(void)state;
	client_comes(0);
	end(&slots[1].io, ERROR_BROKEN_PIPE, 0);
	slots_unlisten();
	assert_int_equal(slots_deadline(), PORT_NEVER);
	for (unsigned i = 1; i < CONN_MAX; i++) {
		assert_false(instances[i].open);
		if (i > 1) {
			end(&slots[i].io, i % 2 ? ERROR_OPERATION_ABORTED : 0, 0);
		}
		assert_int_equal(slots[i].state, SLOT_CLOSED);
	}
	assert_false(pending_any());
	port_close(0, 0);
	assert_true(instances[0].open);
	end(&slots[0].io, ERROR_OPERATION_ABORTED, 0);
	assert_false(instances[0].open);
	assert_int_equal(slots[0].state, SLOT_CLOSED);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(refused_client_reads_why_and_leaves, all_listen),
		cmocka_unit_test_setup(refused_client_stays, all_listen),
		cmocka_unit_test_setup(refused_client_is_not_told_if_few_are_free, all_listen),
		cmocka_unit_test_setup(served_client_leaves, all_listen),
		cmocka_unit_test_setup(served_client_is_known_to_have_read, all_listen),
		cmocka_unit_test_setup(lingering_ends, all_listen),
		cmocka_unit_test_setup(empty_messages, all_listen),
		cmocka_unit_test_setup(cancelled_operations_end, all_listen),
		cmocka_unit_test_setup(listens_again_after_a_pause, all_listen),
		cmocka_unit_test_setup(unlisten_closes_what_has_no_client, all_listen),
	};

	return cmocka_run_group_tests_name("windows_slot", tests, NULL, NULL);
}
