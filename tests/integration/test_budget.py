"""How many TPM commands a request costs, counted at the TPM."""
import pytest

from harness.credential import make, rsa_from_tpm
from harness.paths import BINARIES
from harness.quotes import AIKS, certify, known, quote
from harness.service import b64

pytestmark = pytest.mark.portable


@pytest.fixture(params=["plain", "persistent", "factory"])
def settled(start, request):
    return start(request.param).settled()


def activation(service, damage=b""):
    known = service.attestation()
    c = make(rsa_from_tpm(known["ek_tpm"]), known["aik_name"], b"secret")
    mac = damage + c.hmac[len(damage):]
    return {"command": "activateCredential", "hmac": b64(mac), "enc": b64(c.enc),
            "encrypted_secret": b64(c.encrypted_secret)}


def test_known_answers_cost_nothing(settled):
    settled.control.reset()
    for _ in range(5):
        settled.ok({"command": "getEK"})
        settled.ok({"command": "getAttestationData"})
    assert settled.control.count() == 0


@pytest.mark.parametrize("binary", BINARIES)
@pytest.mark.parametrize("kind,budget", [("plain", 7), ("persistent", 5), ("factory", 5)])
def test_activation(start, kind, budget, binary):
    service = start(kind, binary=binary).settled()
    request = activation(service)
    for _ in range(3):
        service.control.reset()
        service.ok(request)
        assert service.control.left() == []
        assert len(service.control.commands()) <= budget
    # Only the first one after the TPM's start gets TPM_RC_RETRY.
    assert service.control.count() <= budget


def test_field_18_failure_leaves_nothing_loaded(settled):
    for _ in range(8):  # more than the TPM has slots
        reply = settled.ask(activation(settled, damage=b"\0\0\0\0"))
        assert reply["error"] == "credential_rejected"
        assert settled.control.left() == []
    settled.ok(activation(settled))


def test_keys_are_not_created_on_a_requests_path(settled):
    settled.control.reset()
    for _ in range(3):
        settled.ok(activation(settled))
    assert "CreatePrimary" not in settled.control.commands()


def opens_policy(data):
    """
    Whether this is a StartAuthSession for opening credentials. HMAC sessions (type 0) are for endorsementAuth; on
    Windows they come before there is a key to encrypt a salt for.
    """
    salt = 108 + 2 * int(data[104:108], 16) if data[12:20] == "00000176" else 0
    return salt > 0 and data[salt:salt + 2] != "00"


def test_field_28_the_secret_does_not_cross_the_bus(start, tmp_path):
    """The session is salted, and encrypts the TPM's response."""
    trace = tmp_path / "trace"
    service = start("plain", launcher=["--trace", str(trace)]).settled()
    request = activation(service)
    service.ok(request)
    lines = [line.split() for line in trace.read_text().splitlines()]
    answers = [data for mark, data in lines if mark == "<"]
    assert any(mark == ">" and data[12:20] == "00000147" for mark, data in lines)
    assert len(answers) >= 7
    assert not any(b"secret".hex() in data for _, data in lines)
    policies = [data for mark, data in lines if mark == ">" and opens_policy(data)]
    assert policies and all(data[20:28] != "40000007" for data in policies)  # a key: salted


@pytest.mark.linux
@pytest.mark.parametrize("binary", BINARIES)
def test_field_22_on_the_plain_device(start, binary):
    """/dev/tpm0 has no resource manager and three slots: attestd has to save and flush itself."""
    service = start("plain", launcher=["--device", "tpm0"], binary=binary).settled()
    for damage in (b"", b"\0\0\0\0") * 4:
        service.ask(activation(service, damage))
        assert service.control.left() == []
    service.ok(activation(service))


def test_nothing_is_written(start, states, tmp_path):
    """No persistent object and no NV index is added."""
    from harness import tpm
    state = states.new("plain")
    ask = "tpm2_getcap handles-persistent\ntpm2_getcap handles-nv-index\n"
    before = tpm.run(state, ask, tmp_path)
    service = start(state).settled()
    service.ok(activation(service))
    for aik in AIKS:
        known(service, aik)
        quote(service, "0-23", aik=aik)
        certify(service, aik=aik)
    service.ok({"command": "getEKChain"})
    service.stop()
    assert tpm.run(state, ask, tmp_path) == before
