"""A TPM in dictionary-attack lockout: it creates the AIKs, but does not let them sign for a while."""
import pytest

from harness import attest, tpm
from harness.faults import ATTESTATION, GET_EK
from harness.quotes import AIKS, certify_request, known, quote, quote_request
from harness.raw import ask, authorised
from harness.service import connect, wait_for
from test_field import LOCKOUT

pytestmark = pytest.mark.portable
ADDED = ["aik_attest", "aik_signature"]


@pytest.fixture
def locked(states, tmp_path):
    """The state of a TPM in lockout."""
    state = states.new("persistent")
    tpm.run(state, LOCKOUT, tmp_path)
    return state


def end_lockout(service):
    """TPM2_DictionaryAttackLockReset."""
    with connect(service.raw) as s:
        ask(s, authorised(0x139, [0x4000000A]))


@pytest.mark.parametrize("aik", AIKS)
def test_field_13_who_it_is_is_known(start, locked, aik):
    """The identity is known; what the TPM does not sign is null. attestd tries once for each request."""
    service = start(locked).settled()
    for request in ({**ATTESTATION, "aik": aik}, {**ATTESTATION, "aik": aik}, GET_EK):
        reply = service.ok(request)
        assert all((reply[name] is None) == (name in ADDED) for name in reply if name.startswith("aik_"))
    assert service.control.commands().count("CertifyCreation") == (1 if aik == "ecc" else 2)
    for command, request in (("Quote", quote_request(aik=aik)), ("Certify", certify_request(aik=aik))):
        service.control.left()
        service.control.reset()
        assert service.ask(request)["error"] == "tpm_lockout"
        assert service.control.commands().count(command) == 1
        assert service.control.left() == []
    assert service.ok({"command": "getHealth"})["ek"] == "persistent"
    end_lockout(service)
    quote(service, aik=aik)
    assert known(service, aik).keys() & set(ADDED) == set()  # from memory


@pytest.mark.slow
@pytest.mark.limit(300)
def test_field_13_certified_later(start, locked):
    """A minute after the lockout has ended, a request leads to the certification, after its reply."""
    service = start(locked).settled()
    for aik in AIKS:
        assert service.ok({**ATTESTATION, "aik": aik})["aik_attest"] is None
    end_lockout(service)
    service.control.left()
    service.control.reset()
    for aik in AIKS:
        assert service.ok({**ATTESTATION, "aik": aik})["aik_attest"] is None
    assert service.control.commands() == []
    for aik in AIKS:
        wait_for(lambda a=aik: service.ok({**ATTESTATION, "aik": a})["aik_attest"], 80, "its creation")
        found = known(service, aik)
        attest.verify_creation(attest.parse_public(found["aik_tpm"]), found["aik_creation"],
                               *(found[name] for name in ADDED))
    assert service.control.commands().count("CertifyCreation") == 2
