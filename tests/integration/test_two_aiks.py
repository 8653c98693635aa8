"""Clients of both AIKs at once, clients that go while an AIK signs for them, and AIKs that change."""
import concurrent.futures

import pytest

from harness import attest
from harness.asked import ASKED, HEALTH, QUOTE_ALL, forget, known_of, rsa
from harness.faults import ATTESTATION, Supervised, activation, flow_of, opens
from harness.quotes import (AIKS, Trace, certify_request, decode_quote, known, public_of, quote, quote_request)
from harness.raw import ask, authorised, extend
from harness.service import connect, line_of, parse_reply, read_all, unb64

PLATFORM = 0x4000000C
TPM2_CLEAR, TPM2_CHANGE_EPS = 0x126, 0x124


def test_at_once(service):
    """Each gets what it asked for, by the AIK that it named, with its own nonce."""
    publics = {aik: public_of(service, aik) for aik in AIKS}
    requests = []
    for i in range(48):
        aik, nonce = AIKS[i % 2], bytes([i + 1]) * (i + 1)
        requests.append((aik, nonce, certify_request(nonce, aik=aik) if i % 3 else
                         quote_request("0,23", nonce, aik=aik)))
    credentials = [(aik, 0, activation(known(service, aik), aik)) for aik in AIKS * 4]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda r: service.ask(r[2]), requests + credentials))
    for (aik, nonce, request), reply in zip(requests + credentials, replies, strict=True):
        if request["command"] == "certify":
            attest.verify_certify(publics[aik], unb64(reply["certify_info"]), unb64(reply["signature"]), nonce)
        elif request["command"] == "quote":
            found = decode_quote(reply)
            attest.verify_quote(publics[aik], found["quoted"], found["signature"], nonce, "sha256", found["pcr_values"])
        else:
            assert opens(reply)
    assert service.control.left() == []


@pytest.fixture(params=[pytest.param(name, marks=[] if name == "quote" else pytest.mark.variant)
                        for name in ASKED if not name.startswith("activation")])
def asked(request):
    return ASKED[request.param]


@pytest.mark.parametrize("device", ["tpmrm0", "tpm0"])
def test_client_leaves(states, tmp_path, asked, device):
    """A client goes during any command of its job: the job goes on, nothing of it is left, and others are served."""
    trace = Trace(tmp_path)
    with Supervised(states.new(asked.kind), device=device, launcher=trace.options) as service:
        what = known_of(service, asked)
        request = asked.request(what)

        def is_right(reply):
            return asked.is_right(what, reply)

        for at, index in flow_of(service, request, good=is_right, prepare=lambda: forget(service, asked)):
            forget(service, asked)
            service.control.left()
            sent = len(trace.named(at))
            service.control.delay(40, at, index + 1)
            with connect(service.address) as s:
                s.sendall(line_of(request))
                trace.await_sent(at, sent + index + 1)
            assert is_right(service.ask(request)), at
            assert service.control.left() == []
            service.control.ask("clear")
        assert service.statuses().count(0) == len(service.statuses())


@pytest.mark.parametrize("first,command", [(QUOTE_ALL, "Quote"), (QUOTE_ALL, "PCR_Read"),
                                           (rsa(ATTESTATION), "CreatePrimary")], ids=lambda p: str(p)[:13])
def test_health_while_the_tpm_works(start, tmp_path, first, command):
    """getHealth replies at once with what is known, without a TPM command."""
    trace = Trace(tmp_path)
    service = start("persistent", launcher=trace.options).settled()
    before, sent = service.ok(HEALTH), len(trace.named(command))
    service.control.delay(20000, command, 1)
    with connect(service.address) as s:
        s.sendall(line_of(first))
        trace.await_sent(command, sent + 1)
        for i in range(10):
            health = service.ok(HEALTH, timeout=10)
            assert health["requests"] == before["requests"] + i + 2
        assert health["aik"] == "ecc" and health["device"] == before["device"]
        assert before["tpm_commands"] <= health["tpm_commands"] <= before["tpm_commands"] + len(trace.sent())
        count = health["tpm_commands"]
        assert service.ok(HEALTH)["tpm_commands"] == count
        s.setblocking(False)
        with pytest.raises(BlockingIOError):
            s.recv(1)
        service.control.ask("clear")
        s.settimeout(30)
        assert parse_reply(read_all(s))["status"] == "ok"
    assert service.control.left() == []


# ---- TPMs that are reset, cleared or replaced ---------------------------------


def by_platform(service, code, *parts):
    with connect(service.raw) as s:
        ask(s, authorised(code, [PLATFORM], *parts))


def is_of(service, aik):
    """Checks a quote by the AIK that getAttestationData now names."""
    found = quote(service, aik=aik)
    said = known(service, aik)
    public = attest.parse_public(said["aik_tpm"])
    attest.verify_creation(public, said["aik_creation"], said["aik_attest"], said["aik_signature"])
    return attest.verify_quote(public, found["quoted"], found["signature"], bytes(range(100, 132)), "sha256",
                               found["pcr_values"]), public


@pytest.mark.parametrize("aik", AIKS)
@pytest.mark.parametrize("kind", ["plain", "persistent"])
def test_quote_after_a_reset(start, kind, aik):
    """The AIK is created again within the request; the quote has the TPM's count of resets."""
    service = start(kind).settled()
    before, public = is_of(service, aik)
    for i in range(2):
        service.control.ask("restart")
        service.control.reset()
        after, same = is_of(service, aik)
        assert same == public and after.resets == before.resets + i + 1
        assert service.control.commands().count("CertifyCreation") == 1
        assert service.control.left() == []


@pytest.mark.parametrize("aik", AIKS)
@pytest.mark.parametrize("command", ["ContextLoad", "Quote", "PCR_Read"])
def test_reset_within_a_quote(start, tmp_path, command, aik):
    """A reset between that command and the next one: a reply never has PCR values from before the reset and a
    quote from after it, or the other way round."""
    trace = Trace(tmp_path)
    service = start("persistent", launcher=trace.options).settled()
    extend(service, 0)
    before, public = is_of(service, aik)
    service.control.left()
    sent = len(trace.named(command))
    service.control.delay(20000, command, 1)
    with connect(service.address) as s:
        s.sendall(line_of(quote_request(aik=aik)))
        trace.await_sent(command, sent + 1)
        service.control.ask("restart")
        service.control.ask("clear")
        reply = parse_reply(read_all(s))
    found = decode_quote(reply)
    after = attest.verify_quote(public, found["quoted"], found["signature"], bytes(range(100, 132)), "sha256",
                                found["pcr_values"])
    assert after.resets == before.resets + (command != "PCR_Read")
    assert service.control.left() == []
    assert is_of(service, aik)[0].resets == before.resets + 1


@pytest.mark.parametrize("aik", AIKS)
@pytest.mark.parametrize("kind", ["plain", "persistent"])
def test_quote_after_a_clear(start, kind, aik):
    """TPM2_Clear removes saved contexts and persistent objects. The seed stays, and so the keys are the same."""
    service = start(kind).settled()
    _, public = is_of(service, aik)
    by_platform(service, TPM2_CLEAR)
    assert is_of(service, aik)[1] == public
    assert service.control.left() == []


@pytest.mark.parametrize("aik", AIKS)
def test_quote_of_another_seed(start, aik):
    """TPM2_ChangeEPS gives the TPM another seed, and so other keys."""
    service = start("plain").settled()
    _, public = is_of(service, aik)
    ek = known(service)["ek_tpm"]
    by_platform(service, TPM2_CHANGE_EPS)
    assert is_of(service, aik)[1] != public
    said = known(service, aik)
    assert said["ek_tpm"] != ek
    assert opens(service.ask(activation(said, aik)))
    assert service.control.left() == []
