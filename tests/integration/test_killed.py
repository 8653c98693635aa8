"""SIGKILL between any two TPM commands, and links that break there: the next attestd works at once.

/dev/tpm0 has no resource manager and three slots of each kind. What the killed process has left stays there
until attestd flushes it; attestd flushes only what it must have made itself.
"""
import json
import os
import signal

import pytest

from harness.asked import ASKED, HEALTH, forget, known_of
from harness.faults import ATTESTATION, Supervised, activation, flow, flow_of, inject, opens
from harness.predecessor import predecessor
from harness.ready import usually
from harness.service import Service, connect, line_of, read_all, wait_for

MOMENTS = ["kill", "kill-after"]  # before the TPM has the command; when it has answered
SIGKILLED = 137

# TPM2_StartAuthSession and TPM2_PolicyPCR (PCR 0, of SHA-256), as they are sent.
SESSION = "80010000003b00000176" + "40000007" * 2 + "0020" + "00" * 32 + "0000{kind}0010000b"
POLICY, HMAC = SESSION.format(kind="01"), SESSION.format(kind="00")
POLICY_PCR = "80010000001a0000017f" + "030000{:02x}" + "0000" + "00000001" + "000b03010000"


@pytest.fixture(params=usually("tpm0", but=["tpmrm0"]))
def device(request):
    return request.param


@pytest.fixture(params=["activation-plain"])
def asked(request):
    """Parametrizes a test with requests."""
    return ASKED[request.param]


@pytest.fixture
def service(states, device, asked):
    with Supervised(states.new(asked.kind), device=device) as made:
        yield made


def flows(service, asked):
    """The flows of a start and of a request to an idle service; what is known, and the request."""
    known = known_of(service, asked)
    service.unready(activation(known, asked.aik))  # or the old process would flush the session
    service.control.reset()
    service.restart()
    wait_for(lambda: service.ask(HEALTH)["status"] == "ok", 30, "TPM")  # this request announces no activation
    start = flow(service)
    request = asked.request(known)

    def is_right(reply):
        return asked.is_right(known, reply)

    assert is_right(service.ask(request))
    return known, request, start, flow_of(service, request, good=is_right,
                                          prepare=lambda: prepare(service, asked, request))


def prepare(service, asked, request):
    """Makes attestd forget what it knows, and makes sure whether a session is ready."""
    forget(service, asked)
    if request["command"] == "activateCredential" and not asked.ready:
        service.control.settle()
        assert opens(service.ask(request))
    at_rest(service)


def at_rest(service):
    """Waits for the clean-up after the last reply, which flushes the objects last. Returns what is loaded then.

    In one answer: a moment later attestd may load the EK, to make a session ahead.
    """
    def rested():
        handles = json.loads(service.control.ask("handles"))
        return handles["transient"] == [] and [sum(handles.values(), [])]
    return wait_for(rested, 30, "clean-up")[0]


def die(service, request):
    """Sends a request during which attestd is killed."""
    before = service.pid
    with connect(service.address) as s:
        try:
            s.sendall(line_of(request))
            read_all(s)
        except ConnectionError:
            pass
    service.await_next(before)


def works_at_once(service, known, request, asked):
    service.control.ask("clear")
    assert asked.is_right(known, service.ask(request))
    assert service.identity(asked.aik).items() <= known.items()


def nothing_is_left(service, device):
    """Checks that nothing is left. On the plain device a session that was just started may stay until its slot is
    needed."""
    if device == "tpmrm0":
        assert service.control.left() == []
        return
    left = at_rest(service)
    assert len(left) <= 3
    assert all(handle.startswith("0x03") for handle in left)


@pytest.mark.parametrize("asked", usually("activation-plain", "quote", but=[
    "ready-plain", "ready-persistent", "quote-rsa", "certify", "first-rsa", "chain"]), indirect=True)
@pytest.mark.parametrize("moment", MOMENTS)
def test_in_a_request(service, device, moment, asked):
    known, request, _, commands = flows(service, asked)
    assert len(commands) == asked.commands
    for at, index in commands:
        prepare(service, asked, request)
        inject(service, moment, at, index, 1)
        die(service, request)
        works_at_once(service, known, request, asked)
    assert service.statuses().count(SIGKILLED) == len(commands)
    assert set(service.statuses()) == {0, SIGKILLED}
    nothing_is_left(service, device)


@pytest.mark.parametrize("moment", usually("kill", but=["kill-after"]))
def test_at_the_start(service, device, moment, asked):
    known, request, commands, _ = flows(service, asked)
    for at, index in commands:
        prepare(service, asked, request)
        ended = len(service.statuses())
        inject(service, moment, at, index, 1)
        os.kill(service.pid, signal.SIGTERM)
        wait_for(lambda: service.statuses()[ended:] == [0, SIGKILLED], 60, f"death at {at}")
        service.ready()
        works_at_once(service, known, request, asked)
    nothing_is_left(service, device)


def test_again_and_again_at_the_same_place(service, asked):
    """Each time a session is left that cannot be distinguished from another program's."""
    known, request, _, _ = flows(service, asked)
    for _ in range(8):
        prepare(service, asked, request)
        inject(service, "kill", "PolicySecret", 0, 1)
        die(service, request)
        works_at_once(service, known, request, asked)


@pytest.mark.parametrize("asked", usually("activation-plain", but=["ready-plain", "quote-rsa"]), indirect=True)
@pytest.mark.parametrize("fault", usually("close-after", but=["size 9", "cut 4", "noise"]))
def test_a_link_that_breaks(service, device, fault, asked):
    """What attestd no longer knows, because its own link broke."""
    known, request, _, commands = flows(service, asked)
    for at, index in commands * 2:
        prepare(service, asked, request)
        inject(service, fault, at, index, 1)
        service.ask(request)
        works_at_once(service, known, request, asked)
    nothing_is_left(service, device)


def beside(states, *commands):
    """attestd on a plain device on which another program has left objects and sessions that it still needs."""
    service = Service(states.new("persistent"), launcher=["--device", "tpm0"],
                      wrap=predecessor(*commands))
    service.ready()
    return service


def test_what_others_left_stays(states):
    """Other programs' HMAC sessions, sessions with other policies, and objects stay."""
    create = "tpm2_createprimary -Q -C o -G ecc -c $TMPDIR/theirs.ctx -T device:/dev/tpm0 && "
    service = Service(states.new("persistent"), launcher=["--device", "tpm0"],
                      wrap=["sh", "-c", create + 'exec "$@"', "sh",
                            *predecessor(POLICY, POLICY_PCR.format(0), HMAC)])
    with service:
        service.ready()
        theirs = ["0x80000000", "0x02000001", "0x03000000"]
        request = activation(service.attestation())
        for _ in range(4):
            assert opens(service.ask(request))
        wait_for(lambda: sorted(service.control.handles()) == sorted(theirs), 30, "clean-up")


def test_no_slot_is_taken_from_others(states):
    with beside(states, POLICY, POLICY_PCR.format(0), POLICY, POLICY_PCR.format(1), HMAC) as service:
        request = activation(service.attestation())
        assert service.ask(request)["error"] == "tpm_no_memory"
        service.control.rest()
        assert len(service.control.handles()) == 3


def test_new_sessions_that_nobody_uses_give_way(states):
    with beside(states, POLICY, POLICY, HMAC) as service:
        assert opens(service.ask(activation(service.attestation())))
        wait_for(lambda: service.control.handles() == ["0x02000002"], 30, "clean-up")


def test_behind_a_resource_manager_nothing_is_looked_at(service, device):
    """Behind a resource manager, what is loaded may belong to anybody: attestd does not look at it."""
    service.settled()
    service.control.left()
    asked = service.control.commands().count("GetCapability")
    assert asked == (3 if device == "tpm0" else 1)  # one of them asks for the TPM's properties
    assert service.ok(ATTESTATION)
