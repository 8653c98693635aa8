"""The EK certificate in NV."""
import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_public_key
from cryptography.x509.oid import NameOID

from harness import tpm
from harness.paths import BINARIES
from harness.service import unb64

pytestmark = pytest.mark.portable


@pytest.fixture(scope="module")
def authority():
    return ec.generate_private_key(ec.SECP256R1())


def common_name(text):
    return x509.NameAttribute(NameOID.COMMON_NAME, text)


def certificate(key, authority, name=x509.Name([common_name("EK")])):
    day = datetime.datetime(2024, 1, 1)
    builder = x509.CertificateBuilder(name, name, key, 4711, day, day.replace(year=2044))
    return builder.sign(authority, hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.fixture(scope="module")
def ours(states, authority):
    return certificate(load_pem_public_key(states.ek_pem()), authority)


@pytest.fixture
def answer(states, start, tmp_path):
    """The certificate that getEK returns for an index with this content, and the log."""
    def get(content, **options):
        state = states.new("plain")
        tpm.write_index(state, tmp_path, content, **options)
        service = start(state).settled()
        reply = service.ok({"command": "getEK"})
        assert service.ok({"command": "getAttestationData"})["ek_cert"] == reply["ek_cert"]
        assert service.control.left() == []
        get.codes = [rc for _, name, rc, _ in service.control.taken() if name == "NV_Read"]
        found = reply["ek_cert"] and unb64(reply["ek_cert"])
        return found, service.logged("getAttestationData ok")
    return get


def size(data, width=2):
    return len(data).to_bytes(width, "big")


SHAPES = {
    "bare": lambda c: c,
    "field_01 FF behind it, to 1600 bytes": lambda c: c.ljust(1600, b"\xff"),
    "00 behind it": lambda c: c.ljust(1600, b"\0"),
    "field_02 header of 5 bytes": lambda c: b"\x10\x01\x00" + size(c) + c,
    "field_02 header of 5 bytes, padded": lambda c: (b"\x10\x01\x00" + size(c) + c).ljust(1600, b"\0"),
    "field_02 header of 7 bytes": lambda c: b"\x10\x01\x00" + size(b"\x10\x02" + c) + b"\x10\x02" + c,
    "field_02 header of 7 bytes, padded": lambda c: (
        b"\x10\x01\x00" + size(b"\x10\x02" + c) + b"\x10\x02" + c).ljust(1600, b"\xff"),
    "field_03 OCTET STRING": lambda c: b"\x04\x82" + size(c) + c,
    "field_03 TPM2B": lambda c: size(c) + c,
    "field_03 TPM2B, padded with 00": lambda c: (size(c) + c).ljust(1600, b"\0"),
    "field_03 TPM2B, padded with FF": lambda c: (size(c) + c).ljust(1600, b"\xff"),
}
NONE = {
    "field_07 all 00": bytes(800),
    "field_07 all FF": b"\xff" * 800,
    "noise": bytes(range(1, 201)),
    "a SEQUENCE that is longer than the index": b"\x30\x82\x04\x00" + bytes(100),
    "one byte": b"\x30",
    "empty SEQUENCE": b"\x30\x00",
    "field_03 OCTET STRING of text": b"\x04\x82\x00\x05hello",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(answer, ours, shape):
    found, _ = answer(SHAPES[shape](ours))
    assert found == ours


@pytest.mark.parametrize("content", NONE)
def test_no_certificate(answer, content):
    found, _ = answer(NONE[content])
    assert found is None


def test_field_07_unwritten(answer):
    assert answer(None)[0] is None


def test_of_another_key(answer, authority):
    other = rsa.generate_private_key(65537, 2048).public_key()
    found, log = answer(certificate(other, authority))
    assert found is None
    assert "cert_key" in log and " warning " in log


def test_of_another_kind_of_key(answer, authority):
    found, log = answer(certificate(authority.public_key(), authority))
    assert found is None and " warning " in log


def test_field_04_set_in_the_wrong_order(answer, states, authority):
    """It is not DER, but signed in this form: it must not be encoded again."""
    pair = [common_name("1"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "2")]
    one, two = (x509.Name([attribute]).public_bytes()[4:] for attribute in pair)
    right = certificate(load_pem_public_key(states.ek_pem()), authority,
                        x509.Name([x509.RelativeDistinguishedName(pair)]))
    assert right.count(one + two) == 2  # issuer and subject
    wrong = right.replace(one + two, two + one)
    assert answer(wrong)[0] == wrong


def test_field_05_rsaes_oaep_key(answer, ours):
    """A SubjectPublicKeyInfo that names RSAES-OAEP is passed through."""
    rsa_encryption = bytes.fromhex("06092a864886f70d010101")
    assert ours.count(rsa_encryption) == 1
    oaep = ours.replace(rsa_encryption, rsa_encryption[:-1] + b"\7")
    assert answer(oaep)[0] == oaep


def test_damaged_inside_but_for_our_key(answer, ours):
    """attestd does not judge the rest of the certificate: it returns the bytes as they are."""
    damaged = ours[:-1] + bytes([ours[-1] ^ 1])
    assert answer(damaged)[0] == damaged


def test_field_09_longer_than_a_chunk(answer, states, authority):
    """Needs several NV_Reads."""
    long = certificate(load_pem_public_key(states.ek_pem()), authority,
                       x509.Name([common_name("x" * 60)]))
    found, _ = answer(b"\x30\x82" + size(bytes(1990)) + bytes(1990))
    assert found is None
    assert answer(long.ljust(2000, b"\xff"))[0] == long


# In GetCapability's answer: behind moreData, TPM_CAP and the count come the properties from
# TPM_PT_MANUFACTURER (0x105) on, 8 bytes each, but for 0x115; of TPM_PT_NV_BUFFER_MAX (0x12C)
# the lower half.
NV_BUFFER_MAX_AT = 10 + 1 + 4 + 4 + 8 * (0x12C - 0x105 - 1) + 4 + 2


@pytest.mark.parametrize("says,takes", [(1, 64), (100, 100), (512, 512)])
def test_field_09_as_much_as_the_tpm_gives(states, start, tmp_path, ours, says, takes):
    """Odd values of TPM_PT_NV_BUFFER_MAX."""
    state = states.new("plain")
    tpm.write_index(state, tmp_path, ours)
    service = start(state, launcher=["--absent"]).ready()
    service.control.fault("put", NV_BUFFER_MAX_AT << 16 | says, command="GetCapability")
    service.finds_tpm()
    assert unb64(service.ok({"command": "getEK"})["ek_cert"]) == ours
    assert service.control.commands().count("NV_Read") == -(-len(ours) // takes)


@pytest.mark.parametrize("rc", [0x2C4, 0x143, 0x101, 0x923])
def test_field_32_nv_buffer_max_refused(states, start, tmp_path, ours, rc):
    """Then attestd reads small pieces. The error says nothing about the index, and getEK does not fail."""
    state = states.new("plain")
    tpm.write_index(state, tmp_path, ours)
    service = start(state, launcher=["--absent"]).ready()
    service.control.fault("rc", rc, command="GetCapability")
    service.finds_tpm()
    reply = service.ok({"command": "getEK"})
    assert unb64(reply["ek_cert"]) == ours and reply["ek_cert_source"] == "nv"
    assert service.control.commands().count("NV_Read") == -(-len(ours) // 64)


def test_less_than_it_says_at_once(states, start, tmp_path, ours):
    """NV_BUFFER_MAX is 1024, but the TPM refuses to return so much: attestd reads smaller pieces."""
    state = states.new("plain")
    tpm.write_index(state, tmp_path, ours)
    service = start(state, launcher=["--absent"]).ready()
    service.control.fault("rc", 0x1D5, command="NV_Read", count=1)
    service.finds_tpm()
    assert unb64(service.ok({"command": "getEK"})["ek_cert"]) == ours
    assert service.control.commands().count("NV_Read") == 1 - (-len(ours) // 64)


def test_field_08_owner_authorisation_set(answer, ours):
    """attestd tries the index's own authorisation first."""
    assert answer(ours, owner_auth="secret")[0] == ours
    assert answer.codes and set(answer.codes) == {0}


def test_only_the_owner_may_read(answer, ours):
    assert answer(ours, attributes="ownerwrite|ownerread|no_da")[0] == ours


def test_nobody_lets_us_read(answer, ours):
    """attestd asks once: it does not try authorisations again."""
    found, log = answer(ours, attributes="ownerwrite|ownerread|no_da", owner_auth="secret")
    assert found is None and " warning " in log
    assert answer.codes == [0x9A2]


@pytest.mark.parametrize("binary", BINARIES)
def test_of_the_manufacturer(start, binary):
    service = start("factory", binary=binary).settled()
    known = service.attestation()
    cert = x509.load_der_x509_certificate(known["ek_cert"])
    from harness.credential import rsa_from_tpm
    assert cert.public_key().public_numbers() == rsa_from_tpm(known["ek_tpm"]).public_numbers()
