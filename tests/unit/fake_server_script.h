/* How fake_server.h goes through a script. */

/* An event, or false if the act is none. */
static bool event_of(const struct act *a, struct port_event *event)
{
	static const enum port_event_kind kinds[] = {
		[EVENT_OPEN] = PORT_EVENT_OPEN,    [EVENT_SAY] = PORT_EVENT_DATA,
		[EVENT_PAD] = PORT_EVENT_DATA,     [EVENT_EOF] = PORT_EVENT_DATA,
		[EVENT_SENT] = PORT_EVENT_SENT,    [EVENT_GONE] = PORT_EVENT_CLOSED,
		[EVENT_STOP] = PORT_EVENT_STOP,    [EVENT_TPM] = PORT_EVENT_TPM,
		[EVENT_TPM_ONLY] = PORT_EVENT_TPM,
	};

	if (a->kind < EVENT_OPEN || a->kind > EVENT_TPM_ONLY) {
		return false;
	}
	*event = (struct port_event){kinds[a->kind], a->conn};
	if (event->kind == PORT_EVENT_STOP || event->kind == PORT_EVENT_TPM) {
		event->conn = ~0U; /* the contract gives it no meaning there */
	}
	return true;
}

/* What an event does to the world before the server hears of it. */
static void happen(const struct act *a)
{
	struct fake_conn *s = &clients[a->conn % CONN_MAX];

	switch (a->kind) {
	case EVENT_OPEN:
		CHECK((!s->open || once) && !s->armed && !s->sending);
		s->open = true;
		s->asked = s->turned_away = s->may_not_quote = false;
		s->refusal = (int)a->n;
		s->armed = true;
		break;
	case EVENT_EOF:
		receive(a->conn, a->text, 0);
		s->eof = true;
		break;
	case EVENT_SAY:
	case EVENT_PAD:
		receive(a->conn, a->text, (size_t)a->n);
		break;
	case EVENT_SENT:
		CHECK(s->open && s->sending);
		s->sending = false;
		break;
	case EVENT_GONE:
		CHECK(s->open);
		s->sending = s->armed = false;
		break;
	case EVENT_TPM:
		CHECK(tpm.working);
		tpm.ends = true;
		tpm.result.err = (int)a->n;
		tpm.result.rc = a->conn;
		break;
	default:
		break;
	}
}

static void expect_text(const struct act *a)
{
	const struct fake_conn *s = &clients[a->conn % CONN_MAX];

	if (s->tx_len != strlen(a->text) || memcmp(s->tx, a->text, s->tx_len) != 0) {
		fprintf(stderr, "reply: %.*s", (int)s->tx_len, s->tx);
		CHECK(!"the reply is as expected");
	}
}

/* Is what is expected the case? */
static void expect(const struct act *a, uint64_t deadline)
{
	const struct fake_conn *s = &clients[a->conn % CONN_MAX];

	switch (a->kind) {
	case IS_REPLY:
		CHECK(s->open && s->sending);
		expect_text(a);
		break;
	case IS_TURNED_AWAY:
		CHECK(s->turned_away);
		expect_text(a);
		break;
	case IS_CLOSED:
		CHECK(!s->open);
		CHECK(s->linger == a->n);
		break;
	case IS_OPEN:
		CHECK(s->open && !s->sending);
		break;
	case IS_JOB:
		CHECK(tpm.working == (a->n != 0));
		CHECK(!tpm.working || tpm.secret == a->conn);
		break;
	case IS_DEADLINE:
		CHECK(deadline == (uint64_t)a->n);
		break;
	case IS_STATE:
		CHECK(port_is == a->conn);
		break;
	case IS_TIME:
		CHECK(clock_ms == (uint64_t)a->n);
		break;
	case IS_LOG:
		CHECK(strcmp(last_log, a->text) == 0);
		break;
	case IS_LOOKS:
		CHECK(tpm.looks == a->n && tpm.gave_way == a->conn);
		break;
	case IS_EXPECTED:
		CHECK(tpm.expected == a->n);
		break;
	default:
		CHECK(!"the script goes on as the server does");
	}
}

/* A change in the world, or else an expectation. */
static void perform(const struct act *a, uint64_t deadline)
{
	switch (a->kind) {
	case SET_KNOWN:
		tpm.known |= a->conn;
		break;
	case SET_BLOCKS:
		tpm.blocks = (uint64_t)a->n;
		break;
	case SET_WAIT_ERROR:
		tpm.wait_error = (int)a->n;
		break;
	case SET_TROUBLE:
		tpm.trouble = (int)a->n;
		break;
	case SET_MAY_NOT_QUOTE:
		conn_of(a->conn)->may_not_quote = true;
		break;
	case SET_OWN_JOB:
		tpm.own_job = a->n != 0;
		break;
	case SET_TPM_DEADLINE:
		tpm.deadline = (uint64_t)a->n;
		break;
	default:
		expect(a, deadline);
		break;
	}
}

/* Lets the time go on to the act's. Returns false if the server is due first. */
static bool time_passes(const struct act *a, uint64_t deadline)
{
	if (deadline > (uint64_t)a->n) {
		clock_ms = (uint64_t)a->n;
		spins = 0;
		return true;
	}
	spins = deadline > clock_ms ? 0 : spins + 1;
	CHECK(spins < 3); /* it is not busy for nothing */
	clock_ms = deadline > clock_ms ? deadline : clock_ms;
	return false;
}

int port_wait(struct port_event *events, size_t cap, uint64_t deadline)
{
	int n = 0;

	CHECK(!tpm.begun && !tpm.ready);
	CHECK(deadline <= tpm.deadline);
	for (; n == 0; act++) {
		CHECK(act->kind != END);
		if (act->kind == EVENT_FAILS) {
			act++;
			return -ERR_IO;
		}
		if (act->kind == TIME) {
			if (!time_passes(act, deadline)) {
				return 0;
			}
			continue;
		}
		while ((size_t)n < cap && event_of(act, &events[n])) {
			n++;
			happen(act);
			if (act[1].kind != JOINED) {
				break;
			}
			act += 2;
		}
		if (n == 0) {
			perform(act, deadline);
		}
	}
	return n;
}

/*
 * Runs the server in a process of its own, to the end of the script and to its own end: it
 * has to return exit_code. The script's last act is END_OF_SCRIPT.
 */
static inline void serve(enum port_mode mode, const struct act *script, int exit_code)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(30);
		act = acts = script;
		once = mode == PORT_ONCE;
		clients[0].open = once; /* its OPEN follows */
		CHECK(server_run(mode, 1234) == exit_code);
		act += act->kind == TIME; /* it ended before */
		for (; act->kind != END; act++) {
			expect(act, 0);
		}
		CHECK(tpm.closed && unlistened && port_is == PORT_STOPPED);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}
