"""Each fault at each TPM command of each request; one process takes them all."""
import pytest

from harness.control import CC
from harness.faults import (ATTESTATION, AUTH, CODES, GET_EK, MANGLED, NOT_NOW, TRANSPORT, Supervised,
                            activation, flow_of, in_request, inject, opens, settles, true_responses,
                            when_mangled, wrong_lengths)
from harness.process import descriptors_at_rest, has_closed, resident_kb, slack_kb

KINDS = [pytest.param("plain", marks=pytest.mark.slow), "persistent"]


class Victim:
    """A service, its flow when nothing is wrong, and how it was before all faults."""

    def __init__(self, state, tmp):
        trace = tmp / "trace"
        self.service = Supervised(state, launcher=["--trace", str(trace)])
        self.known = self.service.settled().attestation()
        self.request = activation(self.known)
        for _ in range(20):
            assert opens(self.service.ask(self.request))
        self.flow = flow_of(self.service, self.request, lambda: trace.write_text(""))
        self.responses = true_responses(trace)
        self.pid = self.service.pid
        self.descriptors = descriptors_at_rest(self.pid)
        self.resident = resident_kb(self.pid)

    def suffers(self, fault, at, index, allowed, count=1):
        """One case. Bounded by the request's own time limit."""
        service = self.service
        inject(service, fault, at, index, count)
        reply = service.ask(self.request, timeout=20)
        error = reply.get("error")
        assert error in allowed, (fault, at, index, reply)
        assert error or opens(reply)
        assert reply.get("message", "ActivateCredential failed: ").startswith("ActivateCredential failed: ")
        assert at == "FlushContext" or service.ask(GET_EK, timeout=20)["status"] == "ok"
        settles(service, self.request, opens)


@pytest.fixture(scope="module", params=KINDS)
def victim(states, request, tmp_path_factory):
    victim = Victim(states.new(request.param), tmp_path_factory.mktemp("faults"))
    service = victim.service
    try:
        yield victim
        service.stop()
    finally:
        service.close()


@pytest.fixture(autouse=True)
def unharmed(victim):
    """After each: the same process, with no more than it had."""
    yield
    settles(victim.service, victim.request, opens)
    assert victim.service.pid == victim.pid, victim.service.log()
    has_closed(victim.pid, victim.descriptors)
    assert resident_kb(victim.pid) <= victim.resident + slack_kb()
    assert victim.service.attestation() == victim.known


@pytest.mark.parametrize("request_", [GET_EK, ATTESTATION], ids=lambda r: r["command"])
def test_no_fault_can_touch_what_is_known(victim, request_):
    victim.service.control.fault("rc", 0x101)
    victim.service.control.reset()
    victim.service.ok(request_)
    assert victim.service.control.count() == 0
    victim.service.control.ask("clear")


@pytest.mark.parametrize("name", NOT_NOW)
def test_not_now(victim, name):
    """Repeated, and nobody need know."""
    for at, index in victim.flow:
        victim.suffers(f"rc {NOT_NOW[name]}", at, index, [None], count=3)


@pytest.mark.parametrize("name", CODES)
def test_code_once(victim, name):
    for at, index in victim.flow:
        victim.suffers(f"rc {CODES[name][0]}", at, index, in_request(name, at, once=True))


@pytest.mark.parametrize("name", CODES)
def test_code_for_ever(victim, name):
    """Until it is mended, as a hierarchy that is disabled."""
    for at, index in victim.flow:
        victim.suffers(f"rc {CODES[name][0]}", at, index, in_request(name, at, once=False), "*")


@pytest.mark.parametrize("name", AUTH)
def test_field_11_no_authorisation_is_tried_twice(victim, name):
    """Each refusal counts in the TPM: one request, one command with that handle's authorisation."""
    service = victim.service
    for command in ("PolicySecret", "ActivateCredential"):
        service.control.reset()
        service.control.fault("rc", CODES[name][0], command=command)
        reply = service.ask(victim.request)
        assert [reply["error"]] == in_request(name, command, once=False)
        assert service.control.commands().count(command) == 1
        settles(service, victim.request, opens)


@pytest.mark.parametrize("fault", MANGLED)
def test_mangled(victim, fault):
    """Once: the request is repeated on a new link, or its error says whose fault it is."""
    for at, index in victim.flow:
        victim.suffers(fault, at, index, when_mangled(fault, at))


@pytest.mark.limit(600)
def test_length(victim):
    """Every length in every response: TPM2Bs, parameterSize, authorisations, the header's."""
    for at, index, fault in wrong_lengths(victim.flow, victim.responses):
        victim.suffers(fault, at, index, [None, *TRANSPORT])


def test_flipped_bits_in_an_encrypted_response(victim):
    """The secret, its session's nonce and its HMAC: no bit can change without being noticed."""
    response = victim.responses[[name for name, _ in victim.flow].index("ActivateCredential")]
    for offset in range(10, len(response)):
        victim.suffers(f"flip {offset}", "ActivateCredential", 0, [None, *TRANSPORT])


def test_the_flow_is_whole(victim):
    """What the cases are made of is what attestd sends."""
    assert {name for name, _ in victim.flow} <= set(CC)
    assert len(victim.flow) in (5, 7) and len(victim.responses) == len(victim.flow)
