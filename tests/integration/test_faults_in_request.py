"""Each fault at each TPM command of each request, in one process."""
import pytest

from harness.asked import ASKED, HEALTH, forget, known_of, rsa
from harness.attest import Refused
from harness.control import CC
from harness.faults import (ATTESTATION, AUTH, CODES, GET_EK, MANGLED, NOT_NOW, NV, TRANSPORT, Supervised,
                            flow_of, inject, settles, true_responses, when_mangled, wrong_lengths)
from harness.process import descriptors_at_rest, has_closed, resident_kb, slack_kb

# `make check` leaves out the RSA AIK, and the other builds leave out what similar cases cover.
KINDS = [pytest.param(name, marks={"activation-persistent": [], "quote-rsa": pytest.mark.variant}.get(
             name, pytest.mark.slow)) for name in ASKED]
# Responses without a session that would detect damage on the way: the verifier detects it.
UNSEEN = ["Quote", "Certify", "CertifyCreation", "GetCapability", "NV_ReadPublic", "NV_Read"]
# Commands that prove an authorisation; those of NV are tried elsewhere.
AUTHORISED = {"PolicySecret", "ActivateCredential", "Quote", "Certify", "CreatePrimary", "CertifyCreation"}
DAMAGES = ["garbage", "flip"]
FULL = {"tpm_no_memory", "tpm_context_gap"}
MOST = 30  # a request causes no more TPM commands, whatever goes wrong


class Victim:
    """A service, its flow without faults, and its state before all faults."""

    def __init__(self, state, tmp, asked):
        trace = tmp / "trace"
        self.asked = asked
        self.service = Supervised(state, launcher=["--trace", str(trace)])
        self.known = known_of(self.service, asked)
        self.request = asked.request(self.known)
        self.is_asked = True  # the second reply comes from memory
        for _ in range(20):
            assert self.is_right(self.service.ask(self.request))
        self.flow = flow_of(self.service, self.request, lambda: trace.write_text(""), self.is_right, self.prepare)
        self.is_asked = True
        self.responses = true_responses(trace)
        self.pid = self.service.pid  # another process, if only that makes it forget
        self.descriptors = descriptors_at_rest(self.pid)
        self.resident = resident_kb(self.pid)

    def is_right(self, reply):
        return self.asked.is_right(self.known, reply)

    def forget(self):
        """Makes attestd ask the TPM again for what it knows."""
        if self.is_asked and self.asked.first:
            self.is_asked = False
            forget(self.service, self.asked)
            self.pid = self.service.pid

    def prepare(self):
        """The same; and makes sure whether a session is ready for an activation."""
        self.forget()
        if self.asked.ready:
            self.service.made_ready()
        elif self.request["command"] == "activateCredential":
            self.service.unready(self.request)

    def suffers(self, fault, at, index, allowed, count=1):
        """Tries one case. The request's time and its number of TPM commands are bounded."""
        service = self.service
        self.prepare()
        service.control.reset()
        inject(service, fault, at, index, count)
        reply = service.ask(self.request, timeout=20)
        error, sent = reply.get("error"), service.control.count()
        self.is_asked = not error
        if count == 1 and FULL & set(allowed) and self.request["command"] != "activateCredential":
            allowed = [*allowed, None]  # the session that was ready may have been given up for it
        assert error in allowed, (fault, at, index, reply)
        right = self.holds(reply)
        assert error or right or self.may_be_wrong(fault, at, reply), (fault, at, index, reply)
        assert reply.get("message", self.asked.prefix).startswith(self.asked.prefix)
        assert sent <= MOST, (fault, at, index, service.control.commands())
        # If everything is looked for anew, the EK is, too.
        assert at == "FlushContext" or (at in NV and count == "*") or service.ok(GET_EK, timeout=20)
        self.settles(right)

    def holds(self, reply):
        try:
            return self.is_right(reply)
        except Refused:
            return False

    def may_be_wrong(self, fault, at, reply):
        """Whether a reply may be wrong because of damage that only a verifier can detect."""
        kind = fault.split()[0]
        return (kind in DAMAGES and at in UNSEEN) or (kind == "rc" and self.asked.is_less(self.known, reply))

    def settles(self, right=False):
        """Checks that all is well again. right: a right reply was seen already."""
        self.service.control.ask("clear")
        if right and self.asked.first:
            assert self.service.control.left() == []
            return
        self.forget()
        settles(self.service, self.request, self.holds)
        self.is_asked = True


@pytest.fixture(scope="module", params=KINDS)
def victim(states, request, tmp_path_factory):
    asked = ASKED[request.param]
    victim = Victim(states.new(asked.kind), tmp_path_factory.mktemp("faults"), asked)
    service = victim.service
    with service:
        yield victim


@pytest.fixture(autouse=True)
def unharmed(victim):
    """Checks after each case: the same process, with as many descriptors and as much memory as before."""
    yield
    victim.settles()
    assert victim.service.pid == victim.pid, victim.service.log()
    has_closed(victim.pid, victim.descriptors)
    assert resident_kb(victim.pid) <= victim.resident + slack_kb()
    assert victim.service.identity(victim.asked.aik).items() <= victim.known.items()


def test_no_fault_can_touch_what_is_known(victim):
    known = [GET_EK, ATTESTATION, HEALTH, *([victim.request] if victim.asked.first else [])]
    if victim.asked.aik:
        known.append(rsa(ATTESTATION))
    victim.service.settled()  # so that no session is made after these replies
    victim.service.control.fault("rc", 0x101)
    victim.service.control.reset()
    for request in known:
        victim.service.ok(request)
    assert victim.service.control.count() == 0
    victim.service.control.ask("clear")


@pytest.mark.parametrize("name", NOT_NOW)
def test_not_now(victim, name):
    """"Try again": the command is sent again, and the client does not notice."""
    for at, index in victim.flow:
        victim.suffers(f"rc {NOT_NOW[name]}", at, index, [None], count=3)


@pytest.mark.parametrize("name", CODES)
def test_code_once(victim, name):
    for at, index in victim.flow:
        victim.suffers(f"rc {CODES[name][0]}", at, index, victim.asked.allowed(name, at, once=True))


@pytest.mark.variant
@pytest.mark.parametrize("name", CODES)
def test_code_for_ever(victim, name):
    """An error until the fault is cleared, as for a disabled hierarchy."""
    for at, index in victim.flow:
        victim.suffers(f"rc {CODES[name][0]}", at, index, victim.asked.allowed(name, at, once=False), "*")


@pytest.mark.parametrize("name", AUTH)
def test_field_11_no_authorisation_is_tried_twice(victim, name):
    """The TPM counts each refusal: so a request tries the authorisation of a handle only once."""
    service = victim.service
    for command in {name for name, _ in victim.flow} & AUTHORISED:
        victim.prepare()
        service.control.reset()
        service.control.fault("rc", CODES[name][0], command=command)
        reply = service.ask(victim.request)
        assert [reply["error"]] == victim.asked.allowed(name, command, once=False)
        assert service.control.commands().count(command) == 1
        victim.settles()


@pytest.mark.parametrize("fault", MANGLED)
def test_mangled(victim, fault):
    """One damaged response: attestd tries again on a new link, or the error says what was wrong."""
    for at, index in victim.flow:
        victim.suffers(fault, at, index, when_mangled(fault, at))


@pytest.mark.limit(600)
def test_length(victim):
    """Every length in every response is wrong: of TPM2Bs, parameters, authorisations, the header."""
    for at, index, fault in wrong_lengths(victim.flow, victim.responses):
        victim.suffers(fault, at, index, [None, *TRANSPORT])


def test_flipped_bits_in_an_encrypted_response(victim):
    """In the secret, the session's nonce and the HMAC, attestd notices each changed bit."""
    commands = [name for name, _ in victim.flow]
    if "ActivateCredential" in commands:
        response = victim.responses[commands.index("ActivateCredential")]
        for offset in range(10, len(response)):
            victim.suffers(f"flip {offset}", "ActivateCredential", 0, [None, *TRANSPORT])


def test_the_flow_is_whole(victim):
    """The cases cover exactly the commands that attestd sends."""
    assert {name for name, _ in victim.flow} <= set(CC)
    assert len(victim.flow) == len(victim.responses) == victim.asked.commands
