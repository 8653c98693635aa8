"""getEK and getAttestationData: which machine this is."""
import struct

import pytest

from harness import tpm
from harness.credential import name_of, rsa_from_tpm, spki
from harness.service import unb64

pytestmark = pytest.mark.portable

# TPM2B_PUBLIC of template L-1 of the EK Credential Profile and of the AIK's template, up to the
# key itself.
EK_TEMPLATE = bytes.fromhex(
    "013a0001000b000300b20020837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa"
    "00060080004300100800000000000100")
AIK_TEMPLATE = bytes.fromhex("00580023000b00050072000000100018000b00030010")


@pytest.mark.core
def test_members(service):
    ek = service.ok({"command": "getEK"})
    assert list(ek) == ["status", "ek_public", "ek_cert", "ek_tpm", "ek_cert_source"]
    data = service.ok({"command": "getAttestationData"})
    assert list(data) == ["status", "ek_pub", "ek_cert", "aik_name", "ek_tpm", "aik_tpm", "aik_creation", "aik_attest",
                          "aik_signature"]
    assert data["ek_pub"] == ek["ek_public"] and data["ek_tpm"] == ek["ek_tpm"]


@pytest.mark.core
def test_field_06_no_certificate_is_null(service):
    assert service.ok({"command": "getEK"})["ek_cert"] is None
    assert service.ok({"command": "getAttestationData"})["ek_cert"] is None


def test_ek_is_that_of_the_template(service):
    public = service.attestation()["ek_tpm"]
    assert public.startswith(EK_TEMPLATE)
    assert len(public) == len(EK_TEMPLATE) + 256


@pytest.mark.core
def test_spki_is_that_of_the_public_area(service):
    known = service.attestation()
    assert known["ek_pub"] == spki(rsa_from_tpm(known["ek_tpm"]))


def test_ek_is_the_one_that_tools_create(service, states):
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    assert service.attestation()["ek_pub"] == spki(load_pem_public_key(states.ek_pem()))


def test_aik_is_that_of_the_template(service):
    known = service.attestation()
    public = known["aik_tpm"]
    assert public.startswith(AIK_TEMPLATE)
    assert struct.unpack(">H", public[22:24])[0] == 32
    assert len(public) == 24 + 32 + 2 + 32
    assert known["aik_name"] == name_of(public)


def test_aik_is_the_one_that_tools_create(states, start, tmp_path):
    state = states.new("plain")
    expected = tpm.aik_name(state, tmp_path)
    assert start(state).settled().attestation()["aik_name"] == expected


def test_same_after_a_restart(states, start):
    state = states.new("plain")
    first = start(state).settled()
    before = first.identity()
    first.stop()
    assert start(state).settled().identity() == before


def test_another_tpm_is_another_identity(start, tmp_path, states):
    state = tmp_path / "other"
    tpm.plain(state, tmp_path)
    one = start("plain").settled().attestation()
    other = start(state).settled().attestation()
    for member in ("ek_tpm", "aik_name", "aik_tpm"):
        assert one[member] != other[member]


def test_replies_are_standard_base64(service):
    reply = service.ok({"command": "getAttestationData"})
    for member in ("ek_pub", "aik_name", "ek_tpm", "aik_tpm", "aik_creation", "aik_attest", "aik_signature"):
        unb64(reply[member])
