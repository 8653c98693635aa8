"""What tests cannot cause from outside in a short time: no memory left, a TPM that is silent for 30 s or 180 s.
attestd is built with tests/injected/faults.c inside, which makes the clock jump."""
import json
import os
import select
import subprocess

import pytest

from harness.asked import ASKED, CERTIFY, HEALTH, QUOTE_ALL, forget, known_of
from harness.faults import (ATTESTATION, CODES, GET_CHAIN, GET_EK, ONE_OF_A_KIND, Probe, Supervised, activation,
                            flow, inject, opens)
from harness.predecessor import ORPHANS, predecessor
from harness.process import descriptors_at_rest, has_closed
from harness.service import connect, line_of, parse_reply, read_all, wait_for
from harness import paths

pytestmark = pytest.mark.shipping  # there is no such build with sanitizers

COMMAND_MS, CREATE_MS, HEAP_MAX = 30000, 180000, 65536  # of bounds.h
NO_MEMORY = [None, "out_of_memory", "internal_error", "tpm_unavailable"]
SOON = 30  # seconds; the pauses before a link is opened again are shorter
SPARE_MS = 12000  # ms that are left of a limit, for a machine that stalls


def is_ok(reply):
    return reply["status"] == "ok"


class Probed:
    def __init__(self, state, folder, device, launcher=()):
        self.probe = Probe(folder / "probe")
        self.before = ORPHANS if device == "tpm0" else []
        self.service = Supervised(state, device=device, launcher=launcher, probe=self.probe,
                                  before=predecessor(*self.before) if self.before else ())
        self.known = self.service.settled().identity()
        self.request = activation(self.known)
        for _ in range(3):
            assert opens(self.service.ask(self.request))
        self.rest()

    def rest(self):
        """Waits until nothing is left in the TPM, and attestd has gone round its loop since."""
        assert self.service.control.left() == []
        for _ in range(2):
            self.service.ask(GET_EK)

    def fail(self, n, everything=False):
        self.probe.set(refused=n, all=everything, count=0)

    def poke(self):
        """Makes the loop look at the clock."""
        connect(self.service.address).close()

    def recovers(self):
        """Checks that activations succeed; afterwards no session is ready for the next case."""
        self.probe.set(refused=0)
        self.service.control.ask("clear")
        wait_for(lambda: opens(self.service.ask(self.request)), SOON, "recovery")
        assert self.service.identity() == self.known
        self.service.unready(self.request)
        self.rest()


@pytest.fixture(scope="module")
def probed(states, request, tmp_path_factory):
    kind, device = request.param.split("-")
    made = Probed(states.new(kind), tmp_path_factory.mktemp("probe"), device)
    with made.service:
        yield made


def of(*kinds):
    """A service with this kind of TPM and device. On tpm0 the TPM is full of what a predecessor has left."""
    return pytest.mark.parametrize("probed", kinds, indirect=True, scope="module")


in_a_request = of("plain-tpmrm0", "persistent-tpmrm0")


@pytest.fixture
def steady(probed):
    """Checks that it is the same process, and that its heap is as full as before."""
    probed.recovers()
    pid, used = probed.service.pid, probed.probe.get("used")
    descriptors = descriptors_at_rest(pid)
    yield probed
    probed.recovers()
    assert (probed.service.pid, probed.probe.get("used")) == (pid, used)
    has_closed(pid, descriptors)


def count_of(probed, action):
    """How many allocations something makes."""
    probed.fail(0)
    action()
    probed.rest()
    n = probed.probe.get("count")
    assert n > 0
    return n


def used_by(probed):
    """How much of the heap is used while no session is ready."""
    probed.service.unready(probed.request)
    probed.rest()
    return probed.probe.get("used")


def memory_cases(probed, action, prepare=lambda: None, recovers=lambda: None):
    """Each allocation in turn fails, alone or with all that follow; no memory is lost."""
    seen = set()
    for everything in (False, True):
        prepare()
        count = count_of(probed, action)
        used = used_by(probed)
        for n in range(1, count + 1):
            prepare()
            probed.fail(n, everything)
            reply = action()
            assert reply.get("error") in NO_MEMORY, (n, everything, reply)
            seen.add(reply.get("error"))
            probed.recovers()
            recovers()
            assert used_by(probed) == used, (n, everything)
    assert "out_of_memory" in seen


@in_a_request
def test_no_memory_in_a_request(steady):
    memory_cases(steady, lambda: steady.service.ask(steady.request))


class Asking:
    """One of the other requests, to a service that has already answered it once."""

    def __init__(self, probed, asked):
        self.probed, self.asked = probed, asked
        self.known = known_of(probed.service, asked)
        self.request = asked.request(self.known)
        self.recovers()

    def is_right(self, reply):
        return self.asked.is_right(self.known, reply)

    def ask(self):
        """Sends it; checks that a success is complete."""
        reply = self.probed.service.ask(self.request)
        assert reply["status"] == "error" or self.is_right(reply), reply
        return reply

    def forget(self):
        forget(self.probed.service, self.asked)
        self.probed.rest()

    def recovers(self):
        """Checks that everything that it finds out is known again."""
        wait_for(lambda: self.is_right(self.probed.service.ask(self.request)), SOON, "recovery")
        self.probed.rest()


# Each with its kind of TPM. Other builds leave out what similar cases cover.
OTHERS = [pytest.param(f"{asked.kind}-tpmrm0", name,
                       marks={"quote": [], "chain": pytest.mark.variant}.get(name, pytest.mark.slow))
          for name, asked in ASKED.items() if name not in ("activation-plain", "activation-persistent")]
other_requests = pytest.mark.parametrize("probed,name", OTHERS, indirect=["probed"], scope="module")


@other_requests
def test_no_memory_in_another_request(probed, name):
    asking = Asking(probed, ASKED[name])
    pid = probed.service.pid
    memory_cases(probed, asking.ask, asking.forget, asking.recovers)
    assert asking.asked.kind == "chained" or probed.service.pid == pid


@of("quick-tpmrm0")
def test_memory_for_all_requests(probed):
    """Both AIKs are saved, and so is an EK that is not persistent. The heap has room for twice as much."""
    service = probed.service
    for aik in ("ecc", "rsa"):
        known = service.identity(aik)
        for request in (activation(known, aik), {**QUOTE_ALL, "aik": aik}, {**CERTIFY, "aik": aik}, GET_CHAIN):
            service.ok(request)
    assert HEAP_MAX // 4 < probed.probe.get("most") < HEAP_MAX // 2


@pytest.mark.slow
@in_a_request
def test_no_memory_on_a_new_link(steady):
    """On a new link, contexts are loaded and the EK is checked, or both keys are created again."""
    def anew():
        steady.service.control.ask("vanish")
        return steady.service.ask(steady.request)
    memory_cases(steady, anew)


@pytest.mark.slow
@of("factory-tpmrm0", "persistent-tpmrm0", "plain-tpmrm0")
def test_no_memory_at_the_start(probed):
    """The start, and an activation after it, so that the same things are known."""
    def begin():
        probed.service.restart()
        reply = probed.service.ask(ATTESTATION)
        return probed.service.ask(probed.request) if is_ok(reply) else reply
    memory_cases(probed, begin)


@pytest.mark.slow
@in_a_request
def test_no_memory_is_lost_to_a_fault(steady):
    """After each fault, the heap is as full as before all of them."""
    service = steady.service
    service.control.reset()
    service.ok(steady.request)
    for at, index in flow(service):
        for fault in [*ONE_OF_A_KIND, *(f"rc {rc}" for rc, _ in CODES.values())]:
            inject(service, fault, at, index, 1)
            service.ask(steady.request)
            steady.recovers()


@pytest.mark.slow
def test_no_memory_in_once(states, tmp_path):
    """Each line gets its reply, and the exit status says whether all succeeded."""
    state, probe = states.new("persistent"), Probe(tmp_path / "probe")
    lines = (json.dumps(ATTESTATION) + "\n").encode() * 2

    def once(n, everything=False):
        probe.set(refused=n, all=everything, count=0)
        done = subprocess.run([paths.SWTPM_RUN, "--state", state, "--", paths.ATTESTD_PROBED, "once"],
                              input=lines, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              env={**os.environ, **probe.env}, timeout=30, check=False)
        replies = [parse_reply(line + b"\n") for line in done.stdout.splitlines()]
        assert len(replies) == 2
        assert done.returncode == (0 if all(map(is_ok, replies)) else 1)
        return replies

    known = once(0)[0]
    assert is_ok(known)
    for n in range(1, probe.get("count") + 1):
        first, second = once(n)
        assert first.get("error") in NO_MEMORY, (n, first)
        # The next line comes at once, but a broken link is opened again only after 50 ms.
        assert is_ok(second) or second["error"] == "tpm_unavailable", (n, second)
        # Except what the AIK signs anew.
        assert not is_ok(second) or second.items() - known.items() <= {
            (member, second[member]) for member in ("aik_attest", "aik_signature")}
        for reply in once(n, everything=True):
            assert reply.get("error") in NO_MEMORY, (n, reply)


# ---- a mute TPM, and a clock that jumps ------------------------------------------------------


class Client:
    """A request that is under way."""

    def __init__(self, service, request):
        self.socket = connect(service.address, timeout=30)
        self.socket.sendall(line_of(request))

    def has_reply(self, seconds):
        return bool(select.select([self.socket], [], [], seconds)[0])

    def reply(self):
        with self.socket:
            return parse_reply(read_all(self.socket))


def jump(probed, ms):
    probed.probe.set(clock_ms=probed.probe.get("clock_ms") + ms)
    probed.poke()


def await_silence(probed, command):
    wait_for(lambda: (command, None) in [(name, rc) for _, name, rc, _ in probed.service.control.log()],
             10, f"silence at {command}")


@in_a_request
def test_field_20_mute_in_a_request(steady):
    """Each command has exactly its time; then there is an error, and a new link."""
    service = steady.service
    service.control.reset()
    service.ok(steady.request)
    for at, index in flow(service):
        service.control.reset()
        inject(service, "hang", at, index, 1)
        client = Client(service, steady.request)
        await_silence(steady, at)
        jump(steady, COMMAND_MS - SPARE_MS)
        if at == "FlushContext":
            assert client.has_reply(20)
        else:
            assert not client.has_reply(0.1)
        assert at == "FlushContext" or is_ok(service.ask(GET_EK))  # other requests do not wait
        jump(steady, SPARE_MS + 1000)
        reply = client.reply()
        assert opens(reply) if at == "FlushContext" else reply["error"] == "tpm_timeout"
        steady.recovers()


@pytest.mark.slow
@other_requests
def test_mute_in_another_request(probed, name):
    """The same in other requests: creating a key has its own, longer time."""
    asking, service = Asking(probed, ASKED[name]), probed.service
    asking.forget()
    service.control.reset()
    assert asking.is_right(asking.ask())
    probed.rest()
    for at, index in flow(service):
        asking.forget()
        service.control.reset()
        inject(service, "hang", at, index, 1)
        client = Client(service, asking.request)
        await_silence(probed, at)
        # A reply does not wait for the clean-up, unless the request finds out something new.
        answered = at == "FlushContext" and not asking.asked.first
        if answered:
            assert asking.is_right(client.reply())
        jump(probed, (CREATE_MS if at == "CreatePrimary" else COMMAND_MS) - SPARE_MS)
        assert answered or not client.has_reply(0.1)
        jump(probed, SPARE_MS + 1000)
        assert answered or client.reply().get("error") == "tpm_timeout"
        probed.recovers()
        asking.recovers()


@pytest.mark.slow
@of("factory-tpmrm0", "persistent-tpmrm0", "plain-tpmrm0", "plain-tpm0")
def test_mute_at_the_start(probed):
    """A request that comes before the time is over gets an error, or is served through a new link."""
    service = probed.service
    probed.rest()
    service.control.reset()
    service.restart()
    wait_for(lambda: is_ok(service.ask(HEALTH)), 30, "TPM")  # this request announces no activation
    for at, index in flow(service)[len(probed.before):]:
        service.control.reset()
        inject(service, "hang", at, index, 1)
        service.restart()
        client = Client(service, ATTESTATION)
        if at == "GetRandom":
            # At the opening, tpm2-tss itself waits for 1 s by the real clock. After such a failure attestd
# waits ten times as long before it tries again.
            assert client.reply()["error"] == "tpm_unavailable"
            jump(probed, 60000)
        else:
            await_silence(probed, at)
            limit = CREATE_MS if at == "CreatePrimary" else COMMAND_MS
            jump(probed, limit - SPARE_MS)
            assert at == "FlushContext" or not client.has_reply(0.1)
            jump(probed, SPARE_MS + 1000)
            assert client.reply().get("error") in (None, "tpm_timeout", "tpm_unavailable")
        probed.recovers()
