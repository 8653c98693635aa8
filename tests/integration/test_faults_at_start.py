"""Each fault at each TPM command of a start; a new process for each, on one TPM."""
import pytest

from harness.faults import (ATTESTATION, CODES, GET_EK, MANGLED, NOT_NOW, Supervised, activation,
                            at_start, flow, inject, opens, settles)
from harness.process import slack_kb

pytestmark = pytest.mark.slow

KINDS = ["factory", "persistent", "plain"]
ONE_OF_A_KIND = {fault.split()[0]: fault for fault in reversed(MANGLED)}.values()
flows = []  # of the kinds before


def is_ok(reply):
    return reply["status"] == "ok"


def new_part(commands, named):
    """What another kind has in common with this one, at the start and at the end, is tried there."""
    first, last = 0, len(commands)
    for other in flows:
        while commands[:first + 1] == other[:first + 1]:
            first += 1
        while commands[last - 1:] == other[len(other) - len(commands) + last - 1:]:
            last -= 1
    flows.append(commands)
    assert 0 <= first < last
    return named[first:last]


class Start:
    """A TPM on which attestd is started again and again."""

    def __init__(self, state, device):
        self.service = Supervised(state, device=device)
        self.service.settled()
        self.service.control.left()
        self.service.control.reset()
        self.known = self.again().attestation()
        self.flow = flow(self.service)
        self.cases = new_part([(name, rc) for _, name, rc, _ in self.service.control.log()], self.flow)
        self.descriptors = self.service.descriptors()
        self.resident = self.service.resident()

    def again(self):
        self.service.restart()
        return self.service

    def suffers(self, fault, at, index, allowed, count=1):
        """One case: the first request of a process, and how it goes on."""
        service = self.service
        inject(service, fault, at, index, count)
        pid = self.again().pid
        reply = service.ask(ATTESTATION, timeout=20)
        assert reply.get("error") in allowed, (fault, at, index, reply)
        settles(service, ATTESTATION, is_ok)
        assert service.pid == pid, service.log()
        assert service.descriptors() == self.descriptors
        assert service.resident() <= self.resident + slack_kb()
        return reply


@pytest.fixture(scope="module", params=KINDS)
def start_(states, request):
    start = Start(states.new(request.param), "tpmrm0")
    try:
        yield start
        start.service.stop()
    finally:
        start.service.close()


@pytest.fixture(autouse=True)
def as_ever(start_):
    """After each, all that there was to know is known."""
    yield
    start_.service.control.ask("clear")
    assert start_.again().attestation() == start_.known
    assert opens(start_.service.ask(activation(start_.known)))


@pytest.mark.parametrize("name", NOT_NOW)
def test_not_now(start_, name):
    """Repeated, and nobody need know."""
    for at, index in start_.cases:
        start_.suffers(f"rc {NOT_NOW[name]}", at, index, [None], count=2)


@pytest.mark.parametrize("name", CODES)
def test_code(start_, name):
    """Until it is mended."""
    for at, index in start_.cases:
        start_.suffers(f"rc {CODES[name][0]}", at, index, at_start(name, at), count="*")


@pytest.mark.parametrize("fault", ONE_OF_A_KIND)
def test_mangled(start_, fault):
    """Once: what nobody has asked for yet is done again."""
    for at, index in start_.cases:
        start_.suffers(fault, at, index, [None])
