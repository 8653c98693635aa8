"""On Windows: which clients may use the AIK to sign, and how attestd handles TPM Base Services'
errors.
"""
import json
import select
import time

import pytest

from harness import attest, paths
from harness.faults import activation
from harness.quotes import AIKS, NONCE, certify, certify_request, decode_quote, public_of, quote, quote_request
from harness.service import ask, connect, line_of, parse_reply, read_all
from harness.wine import USER, Relay
from test_tpm_comes_and_goes import GET_EK, recovers
from test_windows_tbs import CANCELED, GONE, INVALID_CONTEXT

pytestmark = pytest.mark.windows

BLOCKED = 0x80280400  # TPM_E_COMMAND_BLOCKED
DENIED = {"status": "error", "error": "access_denied", "message": "this client is not allowed"}
SIGNING = [quote_request(), certify_request(), quote_request(aik="rsa"), certify_request(aik="rsa")]
# A TPM command, and a request that makes attestd send it.
SENT_BY = [("Quote", quote_request), ("PCR_Read", quote_request), ("Certify", certify_request)]


# ---- --allow-quote -----------------------------------------------------------

def may_sign(service, address=None):
    return all(ask(address or service.address, request)["status"] == "ok" for request in SIGNING)


def may_not_sign(service, address=None):
    """The client may not use the AIK to sign, and no TPM command is sent for it. All other
    requests are answered.
    """
    address = address or service.address
    service.settled().control.reset()
    for request in SIGNING:
        assert ask(address, request) == DENIED
    assert service.control.count() == 0
    for command in ("getEK", "getAttestationData", "getEKChain", "getHealth"):
        assert ask(address, {"command": command})["status"] == "ok"
    assert "decrypted_secret" in ask(address, activation(service.attestation()))
    return True


@pytest.mark.parametrize("sddl", [
    "D:(A;;GA;;;BA)", "D:P(A;;GA;;;SY)(A;;GA;;;BA)", f"D:(A;;GRGW;;;{USER})", "D:(A;;FA;;;WD)",
    "D:(A;;0x12019b;;;BA)", "D:(A;;0x3;;;BA)", "D:(A;;GR;;;BA)(A;;GW;;;WD)", "D:(D;;GA;;;AN)(A;;GA;;;BA)",
    "D:(A;;GRGW;;;BA)(D;;GA;;;WD)",
])
def test_allowed(start, sddl):
    assert may_sign(start("plain", args=["--allow-quote", sddl]).settled())


@pytest.mark.parametrize("sddl", [
    "D:(A;;GA;;;SY)", "D:P(A;;GA;;;SY)(A;;GA;;;S-1-5-21-1-2-3-1001)", "D:(A;;GR;;;BA)", "D:(A;;GW;;;WD)",
    "D:(A;;GX;;;BA)", "D:(A;;0x1;;;BA)", "D:(A;;WDWORCSD;;;BA)", f"D:(D;;GA;;;{USER})(A;;GA;;;BA)",
    "D:(D;;GW;;;WD)(A;;GA;;;BA)", "D:(A;;GA;;;OW)",
])
def test_denied(start, sddl):
    """The client needs both reading and writing. The right to change the DACL is not enough, nor
    is being the owner.
    """
    assert may_not_sign(start("plain", args=["--allow-quote", sddl]))


@pytest.mark.core
def test_checked_for_each_client(start):
    """The client's own token decides: the same account without its administrator's rights is
    denied.
    """
    service = start("plain", args=["--sddl", "D:(A;;GA;;;WD)", "--allow-quote", "D:(A;;GA;;;BA)"]).settled()
    ordinary = Relay(service.pipe, before=[paths.windows_tool("ordinary.exe")])
    service.relays.append(ordinary)
    assert may_sign(service)
    assert may_not_sign(service, ordinary.port)
    assert may_sign(service)
    assert service.logged(f"quote access_denied tpm_commands=0 pid={ordinary.pid} sid={USER}\n")


def test_last_option_counts(start):
    assert may_not_sign(start("plain", args=["--allow-quote", "D:(A;;GA;;;BA)", "--allow-quote", "D:(A;;GA;;;SY)"]))


def test_clients_without_impersonation(start):
    """Such a client is denied, whatever --allow-quote says; without the option it may sign like
    all others.
    """
    service = start("plain", args=["--allow-quote", "D:(A;;GA;;;WD)(A;;GA;;;AN)"]).settled()
    anonymous = service.relay("--anonymous")
    assert may_sign(service) and may_not_sign(service, anonymous)
    service = start("plain").settled()
    assert may_sign(service, service.relay("--anonymous"))


def test_client_that_hides_its_process(start):
    """The pipe still gives attestd its token."""
    service = start("plain", args=["--allow-quote", "D:(A;;GA;;;BA)"]).settled()
    assert may_sign(service, service.relay("--hidden"))


# ---- TPM Base Services -------------------------------------------------------

def verify(service, public, aik, request):
    reply = service.ok(request(aik=aik))
    if request is certify_request:
        found = certify(service, aik=aik)
        return attest.verify_certify(public, found["certify_info"], found["signature"], NONCE)
    found = decode_quote(reply)
    return attest.verify_quote(public, found["quoted"], found["signature"], NONCE, found["pcr_bank"],
                               found["pcr_values"])


@pytest.fixture
def both(start):
    """A service that knows both AIKs, and their public areas."""
    service = start("plain").settled()
    return service, {aik: public_of(service, aik) for aik in AIKS}


@pytest.mark.parametrize("aik", AIKS)
@pytest.mark.parametrize("command,request_", [SENT_BY[0], SENT_BY[2]], ids=["Quote", "Certify"])
def test_a_key_that_is_gone(both, aik, command, request_):
    """TBS has several codes for that. attestd makes the key once more, and it is the same key."""
    service, publics = both
    for code in GONE.values():
        service.control.fault("rc", code, command=command, count=1)
        assert verify(service, publics[aik], aik, request_)
    assert public_of(service, aik) == publics[aik]


@pytest.mark.core
@pytest.mark.parametrize("aik", AIKS)
def test_tpm_or_tbs_restarted(both, aik):
    service, publics = both
    for command, request in SENT_BY:
        for event in ("restart", "vanish", None):
            if event:
                service.control.ask(event)
            else:
                service.control.fault("rc", INVALID_CONTEXT, command=command, count=1)
            assert verify(service, publics[aik], aik, request)


@pytest.mark.parametrize("command,request_", SENT_BY, ids=[s[0] for s in SENT_BY])
def test_cancelled_at_sleep(both, command, request_):
    service, publics = both
    service.control.fault("rc", CANCELED, command=command, count=1)
    assert verify(service, publics["ecc"], "ecc", request_)
    service.control.fault("rc", CANCELED, command=command)
    assert service.ask(request_())["error"] == "tpm_canceled"
    service.control.ask("clear")
    assert recovers(service, request_())


@pytest.mark.parametrize("command,request_", SENT_BY, ids=[s[0] for s in SENT_BY])
def test_blocked(both, command, request_):
    """The reply names the error, and other requests are still answered."""
    service, publics = both
    service.control.fault("rc", BLOCKED, command=command)
    for _ in range(2):
        assert service.ask(request_())["error"] == "tpm_command_blocked"
        service.ok(GET_EK)
        service.ok(activation(service.attestation()))
    service.control.ask("clear")
    assert verify(service, publics["ecc"], "ecc", request_)


@pytest.mark.parametrize("aik", AIKS)
def test_certify_creation_is_blocked(start, aik):
    """The proof of how the AIK was created is then missing, but the AIK can be used."""
    service = start("plain", launcher=["--absent"]).ready()
    service.control.fault("rc", BLOCKED, command="CertifyCreation")
    service.finds_tpm()
    reply = service.ok({"command": "getAttestationData", "aik": aik})
    assert reply["aik_attest"] is None and reply["aik_signature"] is None and reply["aik_creation"]
    public = public_of(service, aik)
    assert verify(service, public, aik, quote_request) and verify(service, public, aik, certify_request)
    service.ok(activation(service.attestation()))


# ---- getHealth ---------------------------------------------------------------

@pytest.mark.core
def test_health(both):
    service, _ = both
    service.control.reset()
    reply = service.ok({"command": "getHealth"})
    assert (reply["device"], reply["ek"], reply["aik"]) == ("TBS", "created", "ecc,rsa")
    assert reply["manufacturer"] == "IBM" and service.control.count() == 0


def test_health_while_the_tpm_works(both):
    """attestd cannot wait for TBS and for clients at the same time. So getHealth is answered
    after the TPM command that is running, but before the rest of that request.
    """
    service, _ = both
    service.control.delay(1500, "Quote", 1)
    service.control.delay(20000, "PCR_Read", 1)
    service.control.reset()
    with connect(service.address) as working:
        working.sendall(line_of(quote_request()))
        time.sleep(0.5)
        begin = time.monotonic()
        with connect(service.address) as other, other.makefile() as replies:
            other.sendall(line_of({"command": "getHealth"}))
            assert json.loads(replies.readline())["status"] == "ok"  # before the connection is closed
            assert time.monotonic() - begin < 15
        assert not select.select([working], [], [], 0)[0]
        service.control.ask("clear")
        assert parse_reply(read_all(working))["status"] == "ok"
