"""Each fault at each TPM command that makes the session that is ready. No client waits for that, so no client
notices: the reply before it and the activation after it are right.

attestd is built with tests/injected/faults.c inside, so that its clock can jump: a session is made at most once in
30 s, and waits for 30 s.
"""
import select

import pytest

from harness.asked import ASKED, QUOTE, forget, known_of
from harness.control import BOUNDS, Announced
from harness.faults import (ATTESTATION, CODES, GET_EK, MANGLED, NOT_NOW, flow, inject, opens, true_responses,
                            wrong_lengths)
from harness.process import descriptors_at_rest, has_closed, resident_kb, slack_kb
from harness.ready import MAKING, Sessions
from harness.service import connect, line_of, parse_reply, read_all, wait_for
from test_probed import COMMAND_MS, SPARE_MS, Client, Probed, await_silence, is_ok, jump

pytestmark = pytest.mark.shipping  # there is no such build with sanitizers

READY_MS, READY_PAUSE_MS = BOUNDS["READY_MS"], BOUNDS["READY_PAUSE_MS"]
GIVES_WAY = ["SESSION_HANDLES", "SESSION_MEMORY", "CONTEXT_GAP"]


def later(probed, ms):
    """Makes the clock jump while the TPM has no command whose time would be over then."""
    probed.service.control.sent()
    probed.service.go_round()
    jump(probed, ms)


class Making:
    def __init__(self, state, kind, folder):
        self.sessions = Sessions(folder)
        self.probed = Probed(state, folder, "tpmrm0", self.sessions.options)
        self.service, self.control = self.probed.service, self.probed.service.control
        self.request = self.probed.request
        self.may_be_made()
        self.sessions.path.write_text("")
        self.control.reset()
        self.trigger()
        self.responses = true_responses(self.sessions.path)
        self.flow = flow(self.service)
        assert [name for name, _ in self.flow] == MAKING[kind]
        assert opens(self.service.ask(self.request))
        self.pid = self.service.pid
        self.descriptors = descriptors_at_rest(self.pid)
        self.resident = resident_kb(self.pid)

    def may_be_made(self):
        """Makes sure that no session is ready, the last is long ago, and an activation has succeeded without one."""
        later(self.probed, READY_MS + 1000)
        wait_for(lambda: self.control.policies() == [], 10, "flush")
        assert opens(self.service.ask(self.request))
        self.is_empty()

    def trigger(self, request=ATTESTATION):
        """A reply that announces an activation; the pause after it is over at once."""
        reply = self.service.ok(request, timeout=20)
        jump(self.probed, READY_PAUSE_MS + 10)
        Announced.at = 0.0
        self.control.settle()
        return reply

    def ready(self):
        """Waits until a session is ready."""
        self.may_be_made()
        self.trigger()
        assert len(self.control.policies()) == 1
        assert self.control.handles() == self.control.policies()

    def is_empty(self):
        assert self.control.left() == []
        assert self.control.handles() == []

    def try_fault(self, fault, at, index, count=1):
        """Tries one case. A fault that goes on is cleared before the activation."""
        self.may_be_made()
        inject(self.service, fault, at, index, count)
        self.trigger()
        wait_for(lambda: len(self.control.handles()) <= 1, 10, f"end of the making with {fault} at {at}")
        if count == "*":
            assert self.control.handles() == [] or at == "FlushContext", (fault, at, index)
            self.control.ask("clear")
        if count == "*" and at == "FlushContext":  # opening the link has failed; a pause follows
            wait_for(lambda: opens(self.service.ask(self.request)), 10, "recovery")
        reply = self.service.ask(self.request, timeout=20)
        assert opens(reply), (fault, at, index, reply)
        self.control.ask("clear")
        self.is_empty()
        self.sessions.all()
        self.sessions.path.write_text("")


@pytest.fixture(scope="module", params=["plain", pytest.param("persistent", marks=pytest.mark.variant)])
def making(states, request, tmp_path_factory):
    made = Making(states.new(request.param), request.param, tmp_path_factory.mktemp("making"))
    with made.service:
        yield made


@pytest.fixture(autouse=True)
def is_unharmed_afterwards(making):
    """Checks after each case: the same process, nothing lost, and a session is made as before."""
    yield
    making.control.ask("clear")
    making.probed.recovers()
    making.ready()
    assert making.service.pid == making.pid, making.service.log()
    has_closed(making.pid, making.descriptors)
    assert resident_kb(making.pid) <= making.resident + slack_kb()


@pytest.mark.slow
@pytest.mark.parametrize("name", NOT_NOW)
def test_not_now(making, name):
    for at, index in making.flow:
        making.try_fault(f"rc {NOT_NOW[name]}", at, index, count=3)


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name == "SESSION_MEMORY" else pytest.mark.slow)
                                  for name in CODES])
def test_code(making, name):
    """A response code once, and for as long as it lasts."""
    for at, index in making.flow:
        for count in (1, "*"):
            making.try_fault(f"rc {CODES[name][0]}", at, index, count)


@pytest.mark.slow
@pytest.mark.parametrize("fault", MANGLED)
def test_mangled(making, fault):
    for at, index in making.flow:
        making.try_fault(fault, at, index)


@pytest.mark.slow
@pytest.mark.limit(600)
def test_length(making):
    for at, index, fault in wrong_lengths(making.flow, making.responses):
        making.try_fault(fault, at, index)


def test_not_tried_again_after_a_refusal(making):
    """After a refusal attestd does not try again before an activation has succeeded without the session."""
    for at, index in making.flow:
        if at == "FlushContext":
            continue
        making.may_be_made()
        making.control.reset()
        inject(making.service, "rc 0x9a2", at, index, 1)
        for _ in range(3):
            making.trigger()
            making.trigger(QUOTE)
            later(making.probed, READY_MS + 1000)
        assert making.control.commands().count("StartAuthSession") <= 1
        making.is_empty()
        making.control.reset()
        assert opens(making.service.ask(making.request))
        making.ready()


def test_expired(making):
    """It is flushed when its time is over, not before, by one command, whatever else happens."""
    making.ready()
    making.control.reset()
    later(making.probed, READY_MS - 10000)
    making.service.go_round()
    making.trigger()
    making.trigger(QUOTE)
    assert len(making.control.policies()) == 1
    assert "StartAuthSession" not in making.control.commands()
    making.control.left()
    making.control.reset()
    later(making.probed, 11000)
    wait_for(lambda: making.control.handles() == [], 10, "flush")
    assert making.control.commands() == ["FlushContext"]
    making.trigger()
    assert len(making.control.policies()) == 1


@pytest.mark.parametrize("early_ms", [pytest.param(ms, marks=pytest.mark.variant if ms else []) for ms in range(-3, 4)])
def test_activation_at_the_moment_of_expiry(making, early_ms):
    """The session is either used or flushed: never both, never neither."""
    for _ in range(3):
        making.ready()
        later(making.probed, READY_MS - 60 + early_ms)
        with connect(making.service.address) as s:
            wait_for(lambda: not select.select([s], [], [], 0.045)[0], 1, "time")
            s.sendall(line_of(making.request))
            assert opens(parse_reply(read_all(s)))
        making.is_empty()
        making.sessions.all()


@pytest.mark.slow
@pytest.mark.parametrize("at", ["PolicySecret", "FlushContext"])
def test_the_clean_up_fails(making, at):
    """If a flush fails, the link is closed, and what was loaded goes with it."""
    making.may_be_made()
    making.control.fault("rc", 0x101, command="FlushContext", count=1)
    if at != "FlushContext":
        making.control.fault("rc", 0x101, command=at, count=1)
    making.trigger()
    wait_for(lambda: len(making.control.handles()) <= 1, 10, "clean-up")
    assert opens(making.service.ask(making.request))
    making.is_empty()


def test_expired_but_cannot_be_flushed(making):
    """If it cannot be flushed when its time is over, the link is closed."""
    making.ready()
    opened = making.control.opens()
    making.control.fault("rc", 0x101, command="FlushContext", count=1)
    later(making.probed, READY_MS + 1000)
    wait_for(lambda: making.control.opens() == opened + 1, 10, "new link")
    wait_for(lambda: making.control.handles() == [], 10, "clean-up")


def test_no_answer_while_it_is_made(making):
    """The TPM is silent: an activation waits as long as a command may take, others are served, then there is a new
    link."""
    for at, index in making.flow:
        making.may_be_made()
        making.control.reset()
        inject(making.service, "hang", at, index, 1)
        making.service.ok(ATTESTATION)
        jump(making.probed, READY_PAUSE_MS + 10)
        await_silence(making.probed, at)
        client = Client(making.service, making.request)
        jump(making.probed, COMMAND_MS - SPARE_MS)
        assert is_ok(making.service.ask(GET_EK))
        assert not client.has_reply(0.1)
        jump(making.probed, SPARE_MS + 1000)
        reply = client.reply()
        assert opens(reply) or reply["error"] in ("tpm_timeout", "tpm_unavailable"), reply
        making.probed.recovers()


@pytest.mark.slow
def test_no_memory_to_make_it(making):
    """Each allocation in turn fails, alone or with all that follow; no memory is lost."""
    probe = making.probed.probe
    making.may_be_made()
    making.probed.fail(0)
    making.trigger()
    count, used = probe.get("count"), probe.get("used")
    assert count > 0
    for everything in (False, True):
        for n in range(1, count + 1):
            making.may_be_made()
            making.probed.fail(n, everything)
            making.trigger()
            probe.set(refused=0)
            wait_for(lambda: opens(making.service.ask(making.request)), 30, "recovery")
            making.is_empty()
            making.ready()
            assert probe.get("used") == used, (n, everything)


@pytest.mark.slow
def test_no_fault_leaks_memory(making):
    """After each fault, the heap is as full as before all of them."""
    making.ready()
    used = making.probed.probe.get("used")
    for at, index in making.flow:
        for fault in [*MANGLED, *(f"rc {rc}" for rc, _ in CODES.values())]:
            making.try_fault(fault, at, index)
        making.ready()
        assert making.probed.probe.get("used") == used, at


# ---- it is flushed when another request needs its slot ----------------------------------


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name == "quote" else pytest.mark.slow)
                                  for name in ("quote", "quote-rsa", "certify", "first-rsa", "chain")])
def test_flushed_when_its_slot_is_needed(states, tmp_path, name):
    """If a request finds no room for sessions in the TPM, the ready session is flushed, and the request succeeds."""
    asked = ASKED[name]
    probed = Probed(states.new(asked.kind), tmp_path, "tpmrm0")
    service, control = probed.service, probed.service.control
    with service:
        known = known_of(service, asked)
        activation = probed.request
        request = asked.request(known)

        def ready():
            if asked.kind != "chained":  # such a case needs another process
                later(probed, READY_MS + 1000)
                wait_for(lambda: control.policies() == [], 10, "flush")
                assert opens(service.ask(activation))
            service.made_ready()
            control.left()
            control.reset()

        forget(service, asked)
        ready()
        assert asked.is_right(known, service.ask(request))
        commands = [case for case in flow(service) if case[0] != "FlushContext"]
        for code in GIVES_WAY:
            for at, index in commands:
                forget(service, asked)
                ready()
                inject(service, f"rc {CODES[code][0]}", at, index, 1)
                reply = service.ask(request)
                assert asked.is_right(known, reply), (code, at, index, reply)
                assert code not in (rc for _, _, rc, _ in control.log())
                wait_for(lambda: control.handles() == [], 10, "flush")
