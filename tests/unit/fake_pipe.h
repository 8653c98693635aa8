/*
 * The instances of a pipe, as strict as Windows. An operation whose buffer or
 * OVERLAPPED is used for something else before it has ended fails the test, and
 * so does a handle that is used after it was closed. What is cancelled still ends.
 */
#ifndef TESTS_FAKE_PIPE_H
#define TESTS_FAKE_PIPE_H

#include "unit.h"

#include "common/buffer.h"
#include "common/pending_events.h"
#include "windows/slot.h"

#define STATUS_PENDING 0x103

enum fake_client { NOBODY, HERE, LEFT };

struct fake_instance {
	bool open;
	enum fake_client client;
};
static struct fake_instance instances[CONN_MAX];

/* One for each OVERLAPPED: slots[i].io and slots[i].drain. */
struct fake_operation {
	OVERLAPPED *o; /* NULL: is not pending */
	char kind; /* 'c'onnect, 'r'ead or 'w'rite */
	bool cancelled;
	uint8_t *p;
	size_t n;
	uint8_t sent[TX_MAX]; /* of a write: what the buffer had when it began */
};
static struct fake_operation operations[CONN_MAX][2];

/* What the next ConnectNamedPipe ends with at once; after `connect_times` it waits. */
static DWORD connect_error;
static unsigned connect_times;

/* Which operation has ended, and how. */
static struct {
	const OVERLAPPED *o;
	DWORD error, moved;
} fake_ended;

static DWORD last_error;
static uint64_t fake_now;

DWORD GetLastError(void)
{
	return last_error;
}

uint64_t port_now_ms(void)
{
	return fake_now;
}

static bool refuse(DWORD error)
{
	last_error = error;
	return false;
}

/* Its number is that of its slot. */
static unsigned number_of(HANDLE h)
{
	size_t i = (size_t)((struct fake_instance *)h - instances);

	assert_true(h != NULL && i < CONN_MAX);
	assert_true(instances[i].open);
	return (unsigned)i;
}

static struct fake_operation *operation_of(const OVERLAPPED *o)
{
	for (unsigned i = 0; i < CONN_MAX; i++) {
		if (o == &slots[i].io || o == &slots[i].drain) {
			return &operations[i][o == &slots[i].drain];
		}
	}
	fail_msg("an OVERLAPPED that is not a slot's");
	return NULL;
}

static bool is_pending(const OVERLAPPED *o)
{
	return operation_of(o)->o != NULL;
}

/* Only what is thrown away may be read to one place by more than one. */
static void buffer_is_unused(const struct fake_operation *op)
{
	for (unsigned i = 0; i < 2 * CONN_MAX; i++) {
		const struct fake_operation *other = &operations[i / 2][i % 2];
		bool thrown_away = op->kind == 'r' && other->kind == 'r' &&
				   op->o == &slots[(op - operations[0]) / 2].drain && i % 2 == 1;

		if (other != op && other->o != NULL && other->kind != 'c' && !thrown_away) {
			assert_true(op->p + op->n <= other->p || other->p + other->n <= op->p);
		}
	}
}

static BOOL pend(unsigned conn, char kind, OVERLAPPED *o, uint8_t *p, size_t n)
{
	struct fake_operation *op = operation_of(o);

	assert_true(op == &operations[conn][0] || op == &operations[conn][1]);
	assert_null(op->o);
	assert_int_equal(o->Internal, 0);
	o->Internal = STATUS_PENDING;
	op->o = o;
	op->kind = kind;
	op->cancelled = false;
	op->p = p;
	op->n = n;
	if (kind != 'c') {
		buffer_is_unused(op);
	}
	if (kind == 'w') {
		assert_true(n <= sizeof op->sent);
		memcpy(op->sent, p, n);
	}
	return refuse(ERROR_IO_PENDING);
}

static void is_wiped(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(p[i], 0);
	}
}

BOOL ConnectNamedPipe(HANDLE pipe, OVERLAPPED *o)
{
	unsigned conn = number_of(pipe);

	assert_int_equal(instances[conn].client, NOBODY);
	is_wiped(buffer_rx[conn], sizeof buffer_rx[conn]);
	is_wiped(buffer_tx[conn], sizeof buffer_tx[conn]);
	if (connect_times > 0) {
		connect_times--;
		if (connect_error == ERROR_PIPE_CONNECTED) {
			instances[conn].client = HERE;
		} else if (connect_error == ERROR_NO_DATA) {
			instances[conn].client = LEFT;
		}
		return refuse(connect_error);
	}
	return pend(conn, 'c', o, NULL, 0);
}

BOOL ReadFile(HANDLE file, void *p, DWORD n, DWORD *moved, OVERLAPPED *o)
{
	unsigned conn = number_of(file);

	assert_true(moved == NULL && n > 0);
	if (instances[conn].client != HERE) {
		return refuse(instances[conn].client == LEFT ? ERROR_BROKEN_PIPE
							     : ERROR_PIPE_NOT_CONNECTED);
	}
	return pend(conn, 'r', o, p, n);
}

BOOL WriteFile(HANDLE file, const void *p, DWORD n, DWORD *moved, OVERLAPPED *o)
{
	unsigned conn = number_of(file);

	assert_true(moved == NULL && n > 0);
	if (instances[conn].client != HERE) {
		return refuse(ERROR_NO_DATA);
	}
	return pend(conn, 'w', o, (uint8_t *)(uintptr_t)p, n);
}

BOOL GetOverlappedResult(HANDLE file, OVERLAPPED *o, DWORD *moved, BOOL wait)
{
	(void)number_of(file);
	assert_true(!wait && o == fake_ended.o);
	*moved = fake_ended.moved;
	return fake_ended.error == 0 || refuse(fake_ended.error);
}

static void cancel_all(unsigned conn)
{
	operations[conn][0].cancelled = true;
	operations[conn][1].cancelled = true;
}

BOOL CancelIoEx(HANDLE file, OVERLAPPED *o)
{
	assert_null(o);
	cancel_all(number_of(file));
	return TRUE;
}

BOOL DisconnectNamedPipe(HANDLE pipe)
{
	unsigned conn = number_of(pipe);

	cancel_all(conn);
	instances[conn].client = NOBODY;
	return TRUE;
}

BOOL CloseHandle(HANDLE h)
{
	unsigned conn = number_of(h);

	cancel_all(conn);
	instances[conn].open = false;
	instances[conn].client = NOBODY;
	return TRUE;
}

/* Lets a pending operation end; a read has got n bytes. */
static void end(OVERLAPPED *o, DWORD error, size_t n)
{
	struct fake_operation *op = operation_of(o);
	unsigned conn = (unsigned)((op - operations[0]) / 2);
	uint8_t *p = op->p;
	char kind = op->kind;

	assert_ptr_equal(op->o, o);
	assert_int_equal(o->Internal, STATUS_PENDING);
	assert_true(n <= op->n);
	if (kind == 'c' && error == 0 && !op->cancelled) {
		instances[conn].client = HERE;
	} else if (kind == 'r') {
		memset(p, 'r', n);
	} else if (kind == 'w') {
		assert_memory_equal(p, op->sent, op->n);
	}
	op->o = NULL;
	o->Internal = 0;
	fake_ended.o = o;
	fake_ended.error = error;
	fake_ended.moved = (DWORD)n;
	slot_go_on(conn, o);
	if (kind == 'r' && o == &slots[conn].drain) {
		is_wiped(p, n);
	}
}

/* Standard input and output are not tested here. */
void async_stdio_read(OVERLAPPED *of, void *p, DWORD n)
{
	(void)of, (void)p, (void)n;
	fail();
}

void async_stdio_write(OVERLAPPED *of, const void *p, DWORD n)
{
	(void)of, (void)p, (void)n;
	fail();
}

DWORD async_stdio_result(DWORD *n)
{
	(void)n;
	fail();
	return 0;
}

/* ---- what the tests begin with ----------------------------------------- */

static int all_listen(void **state)
{
	(void)state;
	memset(slots, 0, sizeof slots);
	memset(buffers, 0, sizeof buffers);
	memset(buffer_rx, 0, sizeof buffer_rx);
	memset(buffer_tx, 0, sizeof buffer_tx);
	memset(operations, 0, sizeof operations);
	slots_sent_is_read = false;
	connect_times = 0;
	fake_now = 1000;
	for (unsigned i = 0; i < CONN_MAX; i++) {
		pending_forget(i);
		instances[i] = (struct fake_instance){.open = true};
		slot_listen(i, &instances[i]);
	}
	return 0;
}

static void refuse_client(unsigned conn)
{
	size_t cap;

	memcpy(port_tx(conn, &cap), "no\n", 3);
	port_turn_away(conn, 3);
}

static void reply_to_client(unsigned conn)
{
	size_t cap;

	memcpy(port_tx(conn, &cap), "yes\n", 4);
	port_tx_send(conn, 4);
}

#endif
