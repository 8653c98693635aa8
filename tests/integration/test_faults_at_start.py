"""Each fault at each TPM command of a start. A new process for each, on the same TPM."""
import pytest

from harness.asked import HEALTH
from harness.faults import (ATTESTATION, CODES, MANGLED, NOT_NOW, ONE_OF_A_KIND, Supervised, activation,
                            at_start, inject, numbered, opens, settles, true_responses, wrong_lengths)
from harness.predecessor import ORPHANS, predecessor
from harness.process import descriptors_at_rest, has_closed, resident_kb, slack_kb
from harness.service import wait_for

pytestmark = pytest.mark.slow

# The last kind: only attestd can flush what a killed predecessor has left.
KINDS = [("factory", "tpmrm0"), ("persistent", "tpmrm0"), ("quick-ek", "tpmrm0"), ("quick-ek", "tpm0")]
flows = []  # the flows of the kinds before


def is_ok(reply):
    return reply["status"] == "ok"


def new_part(commands, named):
    """The part of the flow that no earlier kind has; the common beginning and end are tried there."""
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

    def __init__(self, state, device, folder):
        trace = folder / "trace"
        self.is_bare = device == "tpm0"
        self.service = Supervised(
            state, device=device, launcher=["--trace", str(trace)],
            before=predecessor(*ORPHANS) if self.is_bare else ())
        self.known = self.service.settled().identity()
        self.unready()
        self.service.control.left()
        self.service.control.reset()
        trace.write_text("")
        service = self.again()
        wait_for(lambda: is_ok(service.ask(HEALTH)), 30, "TPM")  # this request announces no activation
        assert self.service.control.left() == []
        log = self.service.control.taken()
        self.flow = numbered(name for _, name, _, _ in log)
        if self.is_bare:  # without the predecessor's commands
            self.flow, log = self.flow[len(ORPHANS):], log[len(ORPHANS):]
        self.responses = true_responses(trace)[-len(log):]
        self.cases = new_part([(name, rc) for _, name, rc, _ in log], self.flow)
        self.descriptors = descriptors_at_rest(self.service.pid)
        self.resident = resident_kb(self.service.pid)

    def again(self):
        self.service.restart()
        return self.service

    def unready(self):
        """Makes sure that no session is ready, which attestd would flush at its end."""
        self.service.control.settle()
        if self.service.control.policies():
            assert opens(self.service.ask(activation(self.known)))
            self.service.control.rest()

    def suffers(self, fault, at, index, allowed, count=1):
        """Tries one case: the first request of a process, and those after it."""
        service = self.service
        self.unready()
        inject(service, fault, at, index, count)
        pid = self.again().pid
        reply = service.ask(ATTESTATION, timeout=20)
        assert reply.get("error") in allowed, (fault, at, index, reply)
        settles(service, ATTESTATION, is_ok, rests=not self.is_bare)
        assert service.pid == pid, service.log()
        has_closed(pid, self.descriptors)
        assert resident_kb(pid) <= self.resident + slack_kb()
        return reply


@pytest.fixture(scope="module", params=KINDS, ids="-".join)
def start_(states, request, tmp_path_factory):
    kind, device = request.param
    start = Start(states.new(kind), device, tmp_path_factory.mktemp("trace"))
    with start.service:
        yield start


@pytest.fixture(autouse=True)
def as_ever(start_):
    """After each case, attestd knows everything."""
    yield
    start_.service.control.ask("clear")
    assert start_.again().identity() == start_.known
    assert opens(start_.service.ask(activation(start_.known)))
    assert start_.service.control.left() == []


@pytest.mark.parametrize("name", NOT_NOW)
def test_not_now(start_, name):
    """"Try again": the command is sent again, and no client notices."""
    for at, index in start_.cases:
        start_.suffers(f"rc {NOT_NOW[name]}", at, index, [None], count=2)


@pytest.mark.parametrize("name", CODES)
def test_code_once(start_, name):
    """One error: what no client has asked for yet is tried again."""
    for at, index in start_.cases:
        if at != "GetRandom":  # it is sent only once in any case
            start_.suffers(f"rc {CODES[name][0]}", at, index, [None])


@pytest.mark.parametrize("name", CODES)
def test_code_for_ever(start_, name):
    """An error until the fault is cleared. Flushing what a predecessor left may fail, as long as there is a free
    slot."""
    for at, index in start_.cases:
        allowed = at_start(name, at, index) + ([None, "tpm_no_memory"] if start_.is_bare else [])
        start_.suffers(f"rc {CODES[name][0]}", at, index, allowed, count="*")


@pytest.mark.parametrize("fault", MANGLED)
def test_mangled(start_, fault):
    """One damaged response."""
    for at, index in start_.cases:
        if at != "GetRandom" or fault in ONE_OF_A_KIND:  # for GetRandom tpm2-tss waits a second each time
            start_.suffers(fault, at, index, [None])


@pytest.mark.limit(600)
def test_length(start_):
    """Every length in every response is wrong once."""
    responses = dict(zip(start_.flow, start_.responses, strict=True))
    for at, index, fault in wrong_lengths(start_.cases, [responses[case] for case in start_.cases]):
        start_.suffers(fault, at, index, [None])


def test_the_flow_is_whole(start_):
    """The cases cover exactly the commands that attestd sends."""
    names = {name for name, _ in start_.cases}
    swept = {"GetCapability", "ReadPublic", "PolicyGetDigest", "FlushContext"}
    assert len(start_.responses) == len(start_.flow)
    assert swept <= names or not start_.is_bare
