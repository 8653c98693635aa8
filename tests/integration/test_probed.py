"""What no TPM and no client can bring about in time: a heap that is used up, a TPM that is mute for
its 30 s or 180 s. In a twin of attestd with a probe inside; the clock jumps, nobody waits."""
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

pytestmark = pytest.mark.shipping  # its twin is no build with sanitizers

COMMAND_MS, CREATE_MS, HEAP_MAX = 30000, 180000, 65536  # bounds.h
NO_MEMORY = [None, "out_of_memory", "internal_error", "tpm_unavailable"]
SOON = 30  # seconds; the pauses before a link is opened anew are shorter
SPARE_MS = 12000  # what a limit has left, for a machine that stalls


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
        """Nothing is left in the TPM, and attestd has been told: it has gone round its loop since."""
        assert self.service.control.left() == []
        for _ in range(2):
            self.service.ask(GET_EK)

    def fail(self, n, everything=False):
        self.probe.set(refused=n, all=everything, count=0)

    def poke(self):
        """Has the loop look at the clock."""
        connect(self.service.address).close()

    def recovers(self):
        """No session is ready then, which would be another request's."""
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
    """The TPM and its device. On tpm0 it is full of what a predecessor has left."""
    return pytest.mark.parametrize("probed", kinds, indirect=True, scope="module")


in_a_request = of("plain-tpmrm0", "persistent-tpmrm0")


@pytest.fixture
def steady(probed):
    """The same process afterwards, with no more in its heap than before."""
    probed.recovers()
    pid, used = probed.service.pid, probed.probe.get("used")
    descriptors = descriptors_at_rest(pid)
    yield probed
    probed.recovers()
    assert (probed.service.pid, probed.probe.get("used")) == (pid, used)
    has_closed(pid, descriptors)


def count_of(probed, action):
    """How many allocations it takes."""
    probed.fail(0)
    action()
    probed.rest()
    n = probed.probe.get("count")
    assert n > 0
    return n


def used_by(probed):
    """What the heap holds when no session is ready."""
    probed.service.unready(probed.request)
    probed.rest()
    return probed.probe.get("used")


def memory_cases(probed, action, prepare=lambda: None, recovers=lambda: None):
    """Each allocation in turn fails, alone and with all that follow; none is lost for it."""
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
    """One of the other requests, to a service that has answered it before."""

    def __init__(self, probed, asked):
        self.probed, self.asked = probed, asked
        self.known = known_of(probed.service, asked)
        self.request = asked.request(self.known)
        self.recovers()

    def is_right(self, reply):
        return self.asked.is_right(self.known, reply)

    def ask(self):
        """A success is one whole."""
        reply = self.probed.service.ask(self.request)
        assert reply["status"] == "error" or self.is_right(reply), reply
        return reply

    def forget(self):
        forget(self.probed.service, self.asked)
        self.probed.rest()

    def recovers(self):
        """All that it finds out is known again."""
        wait_for(lambda: self.is_right(self.probed.service.ask(self.request)), SOON, "recovery")
        self.probed.rest()


# Each of a TPM of its kind. Where others stand for it already, the second opinions go without.
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
    """Both AIKs are saved; where the EK is not persistent, so is that: there is room for as much again."""
    service = probed.service
    for aik in ("ecc", "rsa"):
        known = service.identity(aik)
        for request in (activation(known, aik), {**QUOTE_ALL, "aik": aik}, {**CERTIFY, "aik": aik}, GET_CHAIN):
            service.ok(request)
    assert HEAP_MAX // 4 < probed.probe.get("most") < HEAP_MAX // 2


@in_a_request
def test_no_memory_on_a_new_link(steady):
    """Contexts are loaded, the EK is proven, or both are made anew."""
    def anew():
        steady.service.control.ask("vanish")
        return steady.service.ask(steady.request)
    memory_cases(steady, anew)


@pytest.mark.slow
@of("factory-tpmrm0", "persistent-tpmrm0", "plain-tpmrm0")
def test_no_memory_at_the_start(probed):
    """With what an activation takes behind it, so that the same is known then."""
    def begin():
        probed.service.restart()
        reply = probed.service.ask(ATTESTATION)
        return probed.service.ask(probed.request) if is_ok(reply) else reply
    memory_cases(probed, begin)


@pytest.mark.slow
@in_a_request
def test_no_memory_is_lost_to_a_fault(steady):
    """The heap is as full after each as before all of them."""
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
    """Each line has its reply, and the exit status tells."""
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
        # The next line comes at once; a link that broke is opened again 50 ms later.
        assert is_ok(second) or second["error"] == "tpm_unavailable", (n, second)
        # But for what the AIK signs anew.
        assert not is_ok(second) or second.items() - known.items() <= {
            (member, second[member]) for member in ("aik_attest", "aik_signature")}
        for reply in once(n, everything=True):
            assert reply.get("error") in NO_MEMORY, (n, reply)


# ---- a mute TPM, and a clock that jumps ------------------------------------------------------


class Client:
    """A request under way."""

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
    """Each command has its time, all of it and no more; then an error, and a new link."""
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
        assert at == "FlushContext" or is_ok(service.ask(GET_EK))  # others need not wait
        jump(steady, SPARE_MS + 1000)
        reply = client.reply()
        assert opens(reply) if at == "FlushContext" else reply["error"] == "tpm_timeout"
        steady.recovers()


@pytest.mark.slow
@other_requests
def test_mute_in_another_request(probed, name):
    """As the first: a key has the time that it takes to make one."""
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
        # A request need not wait for its clean-up; but who finds out what is not known does.
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
    """Who comes before the TPM is known to be mute is told so, or is served by a new link."""
    service = probed.service
    probed.rest()
    service.control.reset()
    service.restart()
    wait_for(lambda: is_ok(service.ask(HEALTH)), 30, "TPM")  # which leads on to no activation
    for at, index in flow(service)[len(probed.before):]:
        service.control.reset()
        inject(service, "hang", at, index, 1)
        service.restart()
        client = Client(service, ATTESTATION)
        if at == "GetRandom":
            # It is tpm2-tss's at opening, which waits for 1 s on a clock of its own. Who is so
            # slow to say no is left alone for ten times as long.
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
