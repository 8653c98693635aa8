/* src/service/provision.c: when it ends, what it prints, and its exit code. */
#include "unit.h"

#include "err.h"
#include "service/provision.h"
#include "tpm/persist_ek.h"
#include "tpm/tpm.h"

const struct operation {
	int nothing;
} persist_ek_operation = {0};
struct persist_ek persist_ek;

static char printed[256], logged[512];
static bool print_fails, cut, closed, stopped, rests;
static unsigned begun;

/* After how many calls of port_wait the TPM is there, and the job is over. */
static unsigned waits, found_after, over_after, stop_at, wait_fails_at;
static int wait_error; /* the error when there is no use in waiting any more */
static struct tpm_result result;
static enum handle_content found;
static bool sent, unseen;

int port_print(bool to_stderr, const char *text, size_t n)
{
	assert_false(to_stderr);
	assert_true(n < sizeof printed);
	memcpy(printed, text, n);
	printed[n] = '\0';
	return print_fails ? -ERR_IO : 0;
}

void port_log(enum port_log_level level, const char *text, size_t n)
{
	assert_int_equal(level, PORT_LOG_ERROR);
	strncat(logged, text, n);
	strcat(logged, "\n");
}

void port_peer(unsigned conn, struct port_id *id)
{
	(void)conn;
	(void)id;
}

uint64_t port_now_ms(void)
{
	return 1000 + waits;
}

void port_state(enum port_state state)
{
	stopped = state == PORT_STOPPED;
}

int port_wait(struct port_event *events, size_t cap, uint64_t deadline)
{
	assert_true(cap >= 2 && waits < 20);
	assert_int_equal(deadline, 5000);
	waits++;
	if (waits == wait_fails_at) {
		return -ERR_IO;
	}
	events[0] = (struct port_event){.kind = PORT_EVENT_TPM};
	events[1] = (struct port_event){.kind = PORT_EVENT_STOP};
	return waits == stop_at ? 2 : 1;
}

void tpm_init(uint64_t now, uint32_t grace_ms, tpm_log_fn *log)
{
	assert_int_equal(now, 1000);
	assert_int_equal(grace_ms, 7000);
	assert_non_null(log);
}

bool tpm_wind_down(void)
{
	assert_int_equal(begun, 0);
	rests = true;
	return true;
}

void tpm_run(uint64_t now, bool event)
{
	assert_int_equal(now, 1000 + waits);
	(void)event;
}

bool tpm_idle(void)
{
	return waits >= found_after && begun == 0;
}

int tpm_wait_error(uint64_t now)
{
	assert_int_equal(begun, 0);
	(void)now;
	return wait_error;
}

void tpm_begin(unsigned facts, const struct operation *op, const struct request_params *params)
{
	assert_true(rests); /* the TPM's side has no jobs of its own */
	assert_int_equal(facts, FACT_EK);
	assert_ptr_equal(op, &persist_ek_operation);
	assert_int_equal(params->kind, PARAMS_NONE);
	begun++;
}

const struct tpm_result *tpm_result(void)
{
	if (begun == 0 || (waits < over_after && !cut)) {
		return NULL;
	}
	persist_ek.found = found;
	persist_ek.sent = sent;
	persist_ek.unseen = unseen;
	return &result;
}

uint64_t tpm_deadline(void)
{
	return 5000;
}

void tpm_close(void)
{
	closed = true;
}

void persist_ek_abandon(void)
{
	cut = true;
}

/* ---- the tests ----------------------------------------------------------- */

static int set_up(void **state)
{
	(void)state;
	printed[0] = logged[0] = '\0';
	print_fails = cut = closed = stopped = rests = sent = unseen = false;
	begun = waits = found_after = over_after = stop_at = wait_fails_at = 0;
	wait_error = 0;
	found = HANDLE_UNKNOWN;
	memset(&result, 0, sizeof result);
	memset(&persist_ek, 0, sizeof persist_ek);
	return 0;
}

static int run(bool undo, bool dry_run)
{
	struct options o = {.undo = undo, .dry_run = dry_run, .grace_ms = 7000};
	int r = provision_run(&o);

	assert_int_equal(persist_ek.undo, undo);
	assert_int_equal(persist_ek.dry_run, dry_run);
	assert_true(closed && stopped);
	assert_true((printed[0] != '\0') == (logged[0] == '\0') || print_fails);
	return r;
}

static void test_what_is_printed(void **state)
{
	static const struct {
		bool undo, dry_run, sent;
		enum handle_content found;
		const char *text;
	} cases[] = {
		{false, false, true, HANDLE_EK, "The EK is persistent now, at 0x81010001.\n"},
		{false, false, false, HANDLE_EK, "The EK is already at 0x81010001.\n"},
		{false, true, false, HANDLE_EK, "The EK is already at 0x81010001.\n"},
		{false, true, false, HANDLE_EMPTY,
		 "The EK would be made persistent at 0x81010001.\n"},
		{true, false, true, HANDLE_EMPTY, "The EK is no longer at 0x81010001.\n"},
		{true, false, false, HANDLE_EMPTY, "Nothing is at 0x81010001.\n"},
		{true, true, false, HANDLE_EMPTY, "Nothing is at 0x81010001.\n"},
		{true, true, false, HANDLE_EK, "The EK would be removed from 0x81010001.\n"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		set_up(state);
		found = cases[i].found;
		sent = cases[i].sent;
		found_after = 2;
		over_after = 4;
		assert_int_equal(run(cases[i].undo, cases[i].dry_run), 0);
		assert_string_equal(printed, cases[i].text);
		assert_int_equal(waits, 4);
		assert_int_equal(begun, 1);
		set_up(state);
		found = cases[i].found;
		sent = cases[i].sent;
		print_fails = true;
		assert_int_equal(run(cases[i].undo, cases[i].dry_run),
				 sent ? PROVISION_UNSURE : PROVISION_FAILED);
	}
}

static void test_failures(void **state)
{
	(void)state;
	result.err = -ERR_ADDRESS;
	found = HANDLE_OTHER;
	assert_int_equal(run(false, false), PROVISION_REFUSED);
	assert_non_null(strstr(logged, "another object than the EK is at 0x81010001"));
	set_up(state);
	result.err = -ERR_ADDRESS;
	unseen = true;
	assert_int_equal(run(false, false), PROVISION_UNSURE);
	set_up(state);
	result.err = -ERR_TPM_LOCKOUT;
	result.rc = 0x921;
	assert_int_equal(run(true, false), PROVISION_FAILED);
	assert_string_equal(logged, "provision: tpm_lockout: the TPM is in dictionary-attack "
				    "lockout tpm_rc=0x921\n");
	set_up(state);
	result.err = -ERR_TPM_UNAVAILABLE;
	unseen = true;
	assert_int_equal(run(true, false), PROVISION_UNSURE);
	assert_non_null(strstr(logged, "tpm_unavailable"));
	assert_non_null(strstr(logged, "the TPM may have done it: run provision again"));
	set_up(state);
	result.err = -ERR_TPM_AUTH;
	result.rc = 0x9a2;
	persist_ek.why = "because";
	assert_int_equal(run(false, false), PROVISION_FAILED);
	assert_string_equal(logged, "because tpm_rc=0x9a2\n");
}

/* The clean-up has failed, but what was asked for is done. */
static void test_failed_clean_up_is_a_success(void **state)
{
	(void)state;
	result.err = -ERR_TPM_RC;
	persist_ek.done = true;
	found = HANDLE_EK;
	sent = true;
	assert_int_equal(run(false, false), 0);
	assert_string_equal(printed, "The EK is persistent now, at 0x81010001.\n");
}

static void test_no_tpm(void **state)
{
	(void)state;
	found_after = 9;
	wait_error = -ERR_TPM_VERSION;
	assert_int_equal(run(false, false), PROVISION_FAILED);
	assert_non_null(strstr(logged, "tpm_version"));
	assert_int_equal(begun, 0);
	set_up(state);
	found_after = 9;
	wait_error = -ERR_TPM_BUSY;
	assert_int_equal(run(false, false), PROVISION_FAILED);
	assert_non_null(strstr(logged, "another program holds the TPM device: end it, or use"));
	set_up(state);
	found_after = 9;
	wait_fails_at = 3;
	assert_int_equal(run(false, false), PROVISION_FAILED);
	assert_non_null(strstr(logged, "io_error"));
}

/* A stop before the TPM is there: nothing is begun. A later one ends the job early; it may
 * have succeeded nevertheless. */
static void test_stop(void **state)
{
	(void)state;
	found_after = 9;
	stop_at = 2;
	assert_int_equal(run(false, false), PROVISION_FAILED);
	assert_non_null(strstr(logged, "stopping"));
	assert_int_equal(begun, 0);
	set_up(state);
	stop_at = 2;
	over_after = 9;
	result.err = -ERR_RANDOM; /* the error of an abandoned job */
	assert_int_equal(run(false, false), PROVISION_FAILED);
	assert_non_null(strstr(logged, "stopping"));
	assert_true(cut);
	set_up(state);
	stop_at = 2;
	over_after = 9;
	found = HANDLE_EK;
	sent = true;
	assert_int_equal(run(false, false), 0);
	assert_true(cut);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_what_is_printed, set_up),
		cmocka_unit_test_setup(test_failures, set_up),
		cmocka_unit_test_setup(test_failed_clean_up_is_a_success, set_up),
		cmocka_unit_test_setup(test_no_tpm, set_up),
		cmocka_unit_test_setup(test_stop, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
