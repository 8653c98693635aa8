"""An EK certificate that is not in NV, or not yet: from a file, on the maker's server, found later."""
import base64
import hashlib
import struct
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from harness import raw, tpm
from harness.credential import rsa_from_tpm
from harness.service import connect, unb64, wait_for
from test_certificate import authority, certificate, ours  # noqa: F401  pylint: disable=unused-import

GET_EK = {"command": "getEK"}
MINUTE_S = 60  # CERT_AGAIN_MS
pytestmark = pytest.mark.linux


def pem(der):
    text = base64.encodebytes(der).decode()
    return f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n".encode()


def beside_file(start, tmp_path, content, state="plain"):
    file = tmp_path / "ek.cert"
    file.write_bytes(content)
    return start(state, args=["--ek-cert", str(file)]).settled()


@pytest.mark.parametrize("shape", [bytes, pem, lambda der: b"The EK's\r\n" + pem(der).replace(b"\n", b"\r\n")],
                         ids=["DER", "PEM", "PEM with CRLF"])
def test_a_file(start, tmp_path, ours, shape):  # noqa: F811
    reply = beside_file(start, tmp_path, shape(ours)).ok(GET_EK)
    assert unb64(reply["ek_cert"]) == ours
    assert reply["ek_cert_source"] == "file"


@pytest.mark.parametrize("content", ["another key's", "no certificate"])
def test_a_file_that_is_not_the_eks(start, tmp_path, authority, content):  # noqa: F811
    other = rsa.generate_private_key(65537, 2048).public_key()
    data = pem(certificate(other, authority)) if content == "another key's" else b"nonsense"
    service = beside_file(start, tmp_path, data)
    reply = service.ok(GET_EK)
    assert reply["ek_cert"] is None and reply["ek_cert_source"] is None
    assert service.logged("cert_key" if content == "another key's" else "cert_format")


def test_the_tpms_own_comes_first(states, start, tmp_path, ours, authority):  # noqa: F811
    """The file's certificate is only used if the TPM has none."""
    state = states.new("plain")
    tpm.write_index(state, tmp_path, ours)
    another = certificate(load_pem_public_key(states.ek_pem()), authority)
    assert another != ours
    reply = beside_file(start, tmp_path, another, state).ok(GET_EK)
    assert unb64(reply["ek_cert"]) == ours and reply["ek_cert_source"] == "nv"


def intel(n):
    digest = hashlib.sha256(n + b"\1\0\1").digest()
    return "https://ekop.intel.com/ekcertservice/" + base64.urlsafe_b64encode(digest).decode().replace("=", "%3D")


def amd(n):
    digest = hashlib.sha256(bytes.fromhex("0000222200010001") + n).digest()
    return "https://ftpm.amd.com/pki/aia/" + digest[:16].hex().upper()


@pytest.mark.parametrize("maker,url", [(0x494E5443, intel), (0x414D4400, amd), (0x49424D00, None)],
                         ids=["INTC", "AMD", "IBM"])
def test_field_44_the_makers_server(start, maker, url):
    service = start("plain", launcher=["--absent"]).ready()
    service.control.fault("maker", maker, command="GetCapability")
    service.finds_tpm()
    reply = service.ok(GET_EK)
    modulus = rsa_from_tpm(unb64(reply["ek_tpm"])).public_numbers().n.to_bytes(256, "big")
    assert reply.get("ek_cert_url") == (url and url(modulus))
    assert "ek_cert_url" not in service.ok({"command": "getAttestationData"})


def test_field_44_not_beside_a_certificate(start):
    service = start("factory", launcher=["--absent"]).ready()
    service.control.fault("maker", 0x494E5443, command="GetCapability")
    service.finds_tpm()
    reply = service.ok(GET_EK)
    assert reply["ek_cert"] is not None and "ek_cert_url" not in reply


def nv_write(data):
    """Writes a whole NV index, by the owner hierarchy with an empty authorisation."""
    body = struct.pack(">IIIIHBHH", 0x40000001, int(tpm.EK_CERT_INDEX, 16), 9, 0x40000009, 0, 0, 0, len(data))
    body += data + bytes(2)
    return struct.pack(">HII", 0x8002, 10 + len(body), 0x137) + body


@pytest.mark.slow
@pytest.mark.limit(300)
def test_field_37_written_later_or_not_readable_for_a_while(states, start, tmp_path, ours):  # noqa: F811
    """A minute after a reply without certificate, getEK has it. Without requests, attestd does not look for it."""
    written = states.new("plain")
    tpm.run(written, f"tpm2_nvdefine -Q {tpm.EK_CERT_INDEX} -C o -s {len(ours)} "
                     "-a 'ownerwrite|ownerread|authread|no_da'", tmp_path)
    locked = states.new("plain")
    tpm.write_index(locked, tmp_path, ours)
    late, lockout = start(written).settled(), start(locked, launcher=["--absent"]).ready()
    silent = start("plain").ready()
    lockout.control.fault("rc", 0x921, command="NV_Read")
    lockout.finds_tpm()
    for service in (late, lockout):
        assert service.ok(GET_EK)["ek_cert"] is None
    wait_for(lambda: len(silent.control.commands()) > 5 and not silent.control.handles(), 30, "its start")
    for service in (late, lockout, silent):
        service.control.left()
        service.control.reset()
    lockout.control.ask("clear")
    with connect(late.raw) as s:
        raw.ask(s, nv_write(ours))
    late.control.reset()
    for service in (late, lockout):
        assert service.ok(GET_EK)["ek_cert"] is None  # from memory: no TPM command comes before the reply
        assert service.control.commands() == []
    asked = time.monotonic()
    for service in (late, lockout):
        wait_for(lambda s=service: s.control.commands(), MINUTE_S + 10, "a look")
    time.sleep(max(0, asked + MINUTE_S + 2 - time.monotonic()))
    for service in (late, lockout):
        reply = service.ok(GET_EK)
        assert unb64(reply["ek_cert"]) == ours and reply["ek_cert_source"] == "nv"
        # Meanwhile the session that was ready at the beginning has expired.
        assert set(service.control.commands()) <= {"NV_ReadPublic", "NV_Read", "GetRandom", "GetCapability",
                                                   "FlushContext"}
        assert service.control.commands().count("FlushContext") <= 1
    looked = late.control.commands()
    assert late.ok(GET_EK) and late.control.commands() == looked  # and it is at that
    assert silent.control.commands() == []
