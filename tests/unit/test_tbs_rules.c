/*
 * The tests' stand-in for TPM Base Services is as strict as Microsoft's documentation
 * and reports from the field say.
 */
#include "unit.h"

#include "../tools/windows/tbs_rules.c"

static struct tbs_owned one, other;
static struct tbs_command seen;
static uint8_t command[128];
static size_t size;

static void begin(uint16_t tag, uint32_t code)
{
	memset(command, 0, sizeof command);
	command[0] = (uint8_t)(tag >> 8);
	command[1] = (uint8_t)tag;
	put32(command + 6, code);
	size = HEADER;
}

static void handle(uint32_t h)
{
	put32(command + size, h);
	size += 4;
}

/* An authorisation area with one session, its nonce and its HMAC. */
static void session(uint32_t h, uint8_t attributes)
{
	put32(command + size, 4 + 2 + 8 + 1 + 2 + 4);
	put32(command + size + 4, h);
	command[size + 9] = 8;
	command[size + 18] = attributes;
	command[size + 20] = 4;
	size += 4 + 21;
}

static uint32_t enter(struct tbs_owned *o, bool elevated)
{
	put32(command + 2, (uint32_t)size);
	return tbs_enter(o, elevated, command, size, &seen);
}

static void answered(struct tbs_owned *o, uint32_t rc, uint32_t real, uint32_t *said)
{
	uint8_t response[HEADER + 4] = {0x80, 1, 0, 0, 0, HEADER + 4};

	put32(response + 6, rc);
	put32(response + HEADER, real);
	tbs_leave(o, &seen, response, rc == 0 ? HEADER + 4 : HEADER);
	*said = u32(response + HEADER);
}

static uint32_t load(struct tbs_owned *o, uint32_t real)
{
	uint32_t said;

	begin(0x8001, real >> 24 == 0x80 ? 0x131 : 0x176);
	handle(real >> 24 == 0x80 ? 0x4000000b : 0x40000007);
	handle(0x40000007);
	assert_int_equal(enter(o, true), 0);
	answered(o, 0, real, &said);
	return said;
}

static uint32_t read_public(struct tbs_owned *o, uint32_t h)
{
	begin(0x8001, 0x173);
	handle(h);
	return enter(o, true);
}

static int forget_all(void **state)
{
	(void)state;
	one = other = (struct tbs_owned){.count = 0};
	return 0;
}

static void blocks_what_is_not_allowed(void **state)
{
	/* ContextSave, ContextLoad, Startup, Shutdown, Clear, HierarchyChangeAuth; then codes
	 * of no command */
	static const uint32_t codes[] = {0x162, 0x161, 0x144, 0x145, 0x126, 0x129, 0, 0xffffffff};

	(void)state;
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		begin(0x8001, codes[i]);
		handle(0x80000000);
		assert_int_equal(enter(&one, true), 0x80280400);
		assert_int_equal(enter(&one, false), 0x80280400);
	}
}

static void blocks_more_for_users(void **state)
{
	static const uint32_t codes[] = {0x147, 0x148, 0x14a, 0x151, 0x12a, 0x182};

	(void)state;
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		begin(0x8001, codes[i]);
		handle(0x4000000b);
		handle(0x4000000b);
		assert_int_equal(enter(&one, false), 0x80280400);
		assert_int_equal(enter(&one, true), 0);
	}
	begin(0x8001, 0x173);
	handle(0x81010001);
	assert_int_equal(enter(&one, false), 0);
}

static void objects_have_virtual_handles(void **state)
{
	uint32_t a = load(&one, 0x80000000), b = load(&one, 0x80000001);

	(void)state;
	assert_true(a != b && a >> 24 == 0x80 && a != 0x80000000 && b != 0x80000001);
	assert_int_equal(read_public(&one, a), 0);
	assert_int_equal(u32(command + HEADER), 0x80000000);
	assert_int_equal(read_public(&one, 0x80000000), RC_HANDLE | 0x100);
	/* a virtual handle is never used again */
	assert_true(load(&one, 0x80000000) != a);
	assert_int_equal(read_public(&one, a), RC_HANDLE | 0x100);
}

static void handles_belong_to_their_context(void **state)
{
	uint32_t key = load(&one, 0x80000000), s = load(&one, 0x03000000);

	(void)state;
	assert_int_equal(s, 0x03000000);
	assert_int_equal(read_public(&other, key), RC_HANDLE | 0x100);
	begin(0x8001, 0x151);
	handle(0x4000000b);
	handle(s);
	assert_int_equal(enter(&other, true), RC_HANDLE | 0x200);
	assert_int_equal(enter(&one, true), 0);
	begin(0x8002, 0x173);
	handle(0x81010001);
	session(s, CONTINUE_SESSION);
	assert_int_equal(enter(&other, true), RC_SESSION_HANDLE);
	assert_int_equal(enter(&one, true), 0);
}

static void flushed_objects_are_gone(void **state)
{
	uint32_t key = load(&one, 0x80000000), said;

	(void)state;
	begin(0x8001, CC_FLUSH_CONTEXT);
	handle(key);
	assert_int_equal(enter(&one, true), 0);
	assert_int_equal(u32(command + HEADER), 0x80000000);
	answered(&one, 0x101, 0, &said);
	assert_int_equal(read_public(&one, key),
			 0); /* the TPM refused to flush it, so it is still there */
	begin(0x8001, CC_FLUSH_CONTEXT);
	handle(key);
	assert_int_equal(enter(&one, true), 0);
	answered(&one, 0, 0, &said);
	assert_int_equal(read_public(&one, key), RC_HANDLE | 0x100);
	begin(0x8001, CC_FLUSH_CONTEXT);
	handle(key);
	assert_int_equal(enter(&one, true), RC_HANDLE | 0x140);
}

static void sessions_end_with_their_last_command(void **state)
{
	uint32_t s = load(&one, 0x02000001), said;

	(void)state;
	begin(0x8002, 0x173);
	handle(0x81010001);
	session(s, 0);
	assert_int_equal(enter(&one, true), 0);
	answered(&one, 0x922, 0, &said);
	begin(0x8002, 0x173);
	handle(0x81010001);
	session(s, 0);
	assert_int_equal(enter(&one, true), 0);
	answered(&one, 0, 0, &said);
	begin(0x8002, 0x173);
	handle(0x81010001);
	session(s, 0);
	assert_int_equal(enter(&one, true), RC_SESSION_HANDLE);
}

/* Both keys of a Certify or CertifyCreation must belong to the context. */
static void certify_only_takes_keys_of_the_context(void **state)
{
	static const uint32_t codes[] = {0x148, 0x14a};
	uint32_t ecc = load(&one, 0x80000000), rsa = load(&one, 0x80000001);
	uint32_t others = load(&other, 0x80000002);

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		begin(0x8001, codes[i]);
		handle(rsa);
		handle(ecc);
		assert_int_equal(enter(&one, true), 0);
		assert_int_equal(u32(command + HEADER), 0x80000001);
		assert_int_equal(u32(command + HEADER + 4), 0x80000000);
		begin(0x8001, codes[i]);
		handle(ecc);
		handle(others);
		assert_int_equal(enter(&one, true), RC_HANDLE | 0x200);
	}
	begin(0x8001, 0x158);
	handle(others);
	assert_int_equal(enter(&one, true), RC_HANDLE | 0x100);
	assert_int_equal(enter(&other, false), 0);
}

/* Handles of NV indices may be listed, and are not translated; handles of objects and sessions
 * may not be listed. */
static void lists_of_handles(void **state)
{
	static const struct {
		uint32_t first, rc;
	} lists[] = {
		{0x01c00100, 0},       {0x81000000, 0},       {0, 0},
		{0x80000000, BLOCKED}, {0x02000000, BLOCKED}, {0x03000000, BLOCKED},
	};
	uint8_t response[HEADER + 13] = {0x80, 1, 0, 0, 0, HEADER + 13};

	(void)state;
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		begin(0x8001, 0x17a);
		handle(CAP_HANDLES);
		handle(lists[i].first);
		handle(256); /* how many handles */
		assert_int_equal(enter(&one, true), lists[i].rc);
		assert_int_equal(u32(command + HEADER + 4), lists[i].first);
	}
	begin(0x8001, 0x17a);
	handle(CAP_HANDLES);
	handle(0x01c00100);
	handle(256);
	assert_int_equal(enter(&one, true), 0);
	put32(response + HEADER + 9, 0x01c00100);
	tbs_leave(&one, &seen, response, sizeof response);
	assert_int_equal(u32(response + HEADER + 9), 0x01c00100);
	assert_int_equal(one.count, 0);
	/* The first property of another capability may have any number. */
	begin(0x8001, 0x17a);
	handle(6);
	handle(0x80000000);
	handle(1);
	assert_int_equal(enter(&one, true), 0);
}

static void reads_nothing_behind_the_command(void **state)
{
	uint32_t s = load(&one, 0x02000001);

	(void)state;
	begin(0x8002, 0x147);
	handle(0x81010001);
	handle(0x81010002);
	session(s, 0);
	put32(command + 2, (uint32_t)size);
	for (size_t n = HEADER; n <= size; n++) {
		uint8_t *copy = exact(command, n);
		uint32_t rc = tbs_enter(&one, true, copy, n, &seen);

		assert_int_equal(rc, n == size ? 0 : RC_SIZE);
		free(copy);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(blocks_what_is_not_allowed, forget_all),
		cmocka_unit_test_setup(blocks_more_for_users, forget_all),
		cmocka_unit_test_setup(objects_have_virtual_handles, forget_all),
		cmocka_unit_test_setup(handles_belong_to_their_context, forget_all),
		cmocka_unit_test_setup(flushed_objects_are_gone, forget_all),
		cmocka_unit_test_setup(sessions_end_with_their_last_command, forget_all),
		cmocka_unit_test_setup(certify_only_takes_keys_of_the_context, forget_all),
		cmocka_unit_test_setup(lists_of_handles, forget_all),
		cmocka_unit_test_setup(reads_nothing_behind_the_command, forget_all),
	};

	return cmocka_run_group_tests_name("tbs_rules", tests, NULL, NULL);
}
