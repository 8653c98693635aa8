"""The two AIKs: which keys they are, when they are created, and that the TPM certifies their creation."""
import json

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from harness import attest, tpm
from harness.attest import Refused
from harness.certificates import certificate
from harness.credential import by_tools, make, name_of, rsa_from_tpm
from harness.paths import BINARIES
from harness.quotes import AIKS, certify, certify_request, known, public_of, quote
from harness.service import b64, exchange, line_of, unb64

pytestmark = pytest.mark.portable

# TPM2B_PUBLIC up to the key itself: type, nameAlg SHA-256, attributes, no policy, no symmetric algorithm, scheme,
# P-256 and no KDF; or 2048 bits and exponent 0.
TEMPLATES = {"ecc": "0058 0023 000b 00050072 0000 0010 0018 000b 0003 0010",
             "rsa": "0118 0001 000b 00050072 0000 0010 0014 000b 0800 00000000 0100"}
KEY_SIZES = {"ecc": 68, "rsa": 256}
MEMBERS = ["status", "ek_pub", "ek_cert", "aik_name", "ek_tpm", "aik_tpm", "aik_creation", "aik_attest",
           "aik_signature"]
DATA = {"command": "getAttestationData"}


def asking(aik):
    return {**DATA, "aik": aik}


def activation(credential, **more):
    return {"command": "activateCredential", "credential_blob": b64(credential.file), **more}


@pytest.mark.core
@pytest.mark.parametrize("aik", AIKS)
def test_field_45_template(service, aik):
    template = bytes.fromhex(TEMPLATES[aik])
    found = known(service, aik)
    assert found["aik_tpm"].startswith(template)
    assert len(found["aik_tpm"]) == len(template) + KEY_SIZES[aik]
    assert found["aik_name"] == name_of(found["aik_tpm"]) == attest.parse_public(found["aik_tpm"]).name


@pytest.mark.core
@pytest.mark.parametrize("aik", AIKS)
def test_members(service, aik):
    reply = service.ok(asking(aik))
    assert sorted(reply) == sorted(MEMBERS)
    ek = service.ok({"command": "getEK"})
    assert reply["ek_pub"] == ek["ek_public"] and reply["ek_tpm"] == ek["ek_tpm"]


def test_the_default_is_ecc(service):
    assert service.ok(DATA) == service.ok(asking("ecc")) == service.ok({**DATA, "aik": None})
    assert service.ok(DATA)["aik_tpm"] != service.ok(asking("rsa"))["aik_tpm"]


@pytest.mark.parametrize("aik", AIKS)
def test_the_one_that_tools_create(states, start, tmp_path, aik):
    """The key is what tpm2-tools create from the same template and unique: 32 zero bytes for each coordinate, or
    256."""
    state = states.new("plain")
    expected = tpm.aik_name(state, tmp_path, aik)
    assert known(start(state).settled(), aik)["aik_name"] == expected


@pytest.mark.parametrize("aik", AIKS)
def test_same_after_a_restart(states, start, aik):
    """Everything is the same, except the signature over the clock."""
    state = states.new("plain")
    first = start(state).settled()
    before = known(first, aik)
    first.stop()
    after = known(start(state).settled(), aik)
    for member in ("ek_tpm", "aik_tpm", "aik_name", "aik_creation"):
        assert before[member] == after[member]


# ---- the creation, certified ----------------------------------------------


@pytest.mark.core
@pytest.mark.parametrize("kind", ["plain", "persistent"])
@pytest.mark.parametrize("aik", AIKS)
def test_creation_is_certified(start, kind, aik):
    service = start(kind).settled()
    found = known(service, aik)
    public = attest.parse_public(found["aik_tpm"])
    arguments = [found["aik_creation"], found["aik_attest"], found["aik_signature"]]
    attest.verify_creation(public, *arguments)
    assert public_of(service, aik).name == public.name
    for changed in range(3):
        other = list(arguments)
        other[changed] = other[changed][:-1] + bytes([other[changed][-1] ^ 1])
        with pytest.raises(Refused):
            attest.verify_creation(public, *other)


@pytest.mark.parametrize("binary", BINARIES)
def test_made_when_first_asked_for(start, binary):
    """The RSA AIK is, because a TPM may take many seconds for it. Each AIK is certified once; further requests
    cost nothing."""
    service = start("persistent", binary=binary).ready()
    made = 0
    for aik in AIKS:
        service.ok(asking(aik))
        made += 1
        assert service.control.left() == []
        names = service.control.commands()
        assert names.count("CreatePrimary") == names.count("CertifyCreation") == made
        count = service.control.count()
        for _ in range(3):
            assert known(service, aik) and service.ok({"command": "getEK"})
        assert service.control.count() == count
    service.control.reset()
    for aik in AIKS:
        quote(service, aik=aik)
        certify(service, aik=aik)
        known(service, aik)
    assert not {"CreatePrimary", "CertifyCreation"} & set(service.control.commands())


@pytest.mark.parametrize("request_", ["quote", "certify", "activateCredential"])
def test_each_request_may_be_the_first(start, request_):
    """Each request may be the first one for its AIK."""
    service = start("persistent").settled()
    if request_ == "activateCredential":
        c = make(rsa_from_tpm(known(service)["ek_tpm"]), b"\0\x0b" + bytes(32), b"secret")
        assert service.ask(activation(c, aik="rsa"))["error"] == "credential_rejected"
    else:
        {"quote": quote, "certify": certify}[request_](service, aik="rsa")
    service.control.left()
    names = service.control.commands()
    assert names.count("CreatePrimary") == 2
    attest.verify_creation(public_of(service, "rsa"), *(known(service, "rsa")[f"aik_{part}"] for part in (
        "creation", "attest", "signature")))


@pytest.mark.parametrize("event", ["absent", "restart"])
def test_after_the_tpm_was_gone(start, event):
    """The same key, and creation data that still belong to it."""
    service = start("plain").settled()
    before = {aik: known(service, aik) for aik in AIKS}
    service.control.ask(event)
    if event == "absent":
        assert service.ask(certify_request())["error"] == "tpm_unavailable"
        service.finds_tpm()
    for aik in AIKS:
        certify(service.settled(), aik=aik)
        after = known(service, aik)
        assert after["aik_tpm"] == before[aik]["aik_tpm"]
        attest.verify_creation(attest.parse_public(after["aik_tpm"]), after["aik_creation"], after["aik_attest"],
                               after["aik_signature"])


# ---- credentials ----------------------------------------------------------


@pytest.mark.core
@pytest.mark.parametrize("aik", AIKS)
def test_credentials_by_tools(service, tmp_path, aik):
    """A credential of tpm2_makecredential for an AIK's Name opens with that AIK, and is rejected with the other."""
    found = known(service, aik)
    c = by_tools(found["ek_tpm"], found["aik_name"], b"a key, maybe", tmp_path)
    other = "rsa" if aik == "ecc" else "ecc"
    for _ in range(2):
        assert unb64(service.ok(activation(c, aik=aik))["decrypted_secret"]) == b"a key, maybe"
        assert service.ask(activation(c, aik=other))["error"] == "credential_rejected"
        assert service.control.left() == []
    default = service.ask(activation(c))
    assert default["status"] == ("ok" if aik == "ecc" else "error")


@pytest.mark.parametrize("aik", AIKS)
def test_credentials_in_parts(service, aik):
    found = known(service, aik)
    c = make(rsa_from_tpm(found["ek_tpm"]), found["aik_name"], bytes(range(32)))
    reply = service.ok({"command": "activateCredential", "aik": aik, "hmac": b64(c.hmac), "enc": b64(c.enc),
                        "encrypted_secret": b64(c.encrypted_secret)})
    assert unb64(reply["decrypted_secret"]) == bytes(range(32))


# ---- sizes ----------------------------------------------------------------


def test_one_read_of_4096_bytes_takes_it(states, start, tmp_path):
    """The older services' clients on Windows read once: a reply with the ECC AIK and a long certificate fits."""
    state = states.new("plain")
    der = certificate(1600, load_pem_public_key(states.ek_pem()))
    tpm.write_index(state, tmp_path, der)
    service = start(state).settled()
    line = exchange(service.address, line_of(DATA))
    assert unb64(json.loads(line)["ek_cert"]) == der
    assert len(line) <= 4096
