"""attestd's replies are accepted by stand-ins that make the same checks as public verifiers.

src/VERIFIERS.md and the stand-ins say which member of a reply each verifier uses.
"""
import struct
import uuid

import pytest

from harness import verifiers
from harness.attest import Refused, parse_public
from harness.credential import make, rsa_from_tpm
from harness.quotes import AIKS, NONCE, certify, known, quote
from harness.raw import extend
from harness.service import b64, unb64

pytestmark = pytest.mark.portable


@pytest.fixture(scope="module")
def keys(shared):
    for pcr in range(16):
        extend(shared, pcr, byte=0x30 + pcr)
    return {aik: known(shared, aik) for aik in AIKS}


def activates(service, found, name, aik):
    """The last step of most verifiers: a credential for the Name that the verifier received."""
    c = make(rsa_from_tpm(found["ek_tpm"]), name, b"32 bytes, say")
    reply = service.ok({"command": "activateCredential", "credential_blob": b64(c.file), "aik": aik})
    return unb64(reply["decrypted_secret"]) == b"32 bytes, say"


def damage(found, member):
    return {**found, member: found[member][:-1] + bytes([found[member][-1] ^ 1])}


def test_field_45_go_attestation(service, keys):
    """Activation, with the proof that the AK certifies its own creation; then quotes of two
    banks.
    """
    found = keys["rsa"]
    name = verifiers.go_attestation_activation(found)
    assert activates(service, found, name, "rsa")
    for member in ("aik_tpm", "aik_creation", "aik_attest", "aik_signature"):
        with pytest.raises(Refused):
            verifiers.go_attestation_activation(damage(found, member))
    with pytest.raises(Refused, match="not supported"):
        verifiers.go_attestation_activation(keys["ecc"])
    for bank in ("sha1", "sha256"):
        given = quote(service, "0-23", aik="rsa", pcr_bank=bank)
        verifiers.go_attestation_quote(found["aik_tpm"], given, NONCE)
        with pytest.raises(Refused):
            verifiers.go_attestation_quote(found["aik_tpm"], given, NONCE[1:])


@pytest.mark.parametrize("aik", AIKS)
@pytest.mark.parametrize("bank", ["sha1", "sha256", "sha384"])
def test_field_45_go_tpm_tools(service, keys, aik, bank):
    given = quote(service, "0-23", aik=aik, pcr_bank=bank)
    verifiers.go_tpm_tools_quote(keys[aik]["aik_tpm"], given, NONCE)
    del given["pcr_values"][7]
    with pytest.raises(Refused):
        verifiers.go_tpm_tools_quote(keys[aik]["aik_tpm"], given, NONCE)


@pytest.mark.parametrize("aik", AIKS)
def test_field_45_keylime(service, keys, aik):
    """One-shot: the registrar's credential, then a quote whose nonce is text."""
    found, text = keys[aik], "Mw8bLPP6r4q2nBzh1Jx7"
    assert activates(service, found, verifiers.keylime_registrar(found), aik)
    given = quote(service, "0-10,14", text.encode(), aik=aik)
    verifiers.keylime_quote(found["aik_tpm"], given, text)
    with pytest.raises(Refused):
        verifiers.keylime_quote(found["aik_tpm"], given, text[1:])
    with pytest.raises(Refused):  # it only accepts the bank of the signature's hash
        other = quote(service, "0", text.encode(), aik=aik, pcr_bank="sha384")
        verifiers.keylime_quote(found["aik_tpm"], other, text)


def test_field_45_keylime_push(service, keys):
    """A session begins with a proof of possession: the AK certifies itself with a challenge of 16
    bytes.
    """
    challenge = bytes(range(16))
    verifiers.keylime_push(keys["rsa"]["aik_tpm"], certify(service, challenge, aik="rsa"), challenge)
    with pytest.raises(Refused, match="SignatureAlgorithmMismatch"):
        verifiers.keylime_push(keys["ecc"]["aik_tpm"], certify(service, challenge, aik="ecc"), challenge)
    with pytest.raises(Refused, match="QualifyingDataMismatch"):
        verifiers.keylime_push(keys["rsa"]["aik_tpm"], certify(service, b"x", aik="rsa"), challenge)


def test_field_45_spire(service, keys):
    """The AK is in the EK's TPM. SPIRE also wants this proof for another key, its DevID, which
    attestd does not certify.
    """
    found = keys["rsa"]
    assert activates(service, found, parse_public(found["aik_tpm"]).name, "rsa")
    certified = certify(service, aik="rsa")
    verifiers.spire_residency(found["aik_tpm"], found["aik_tpm"], certified)
    for devid in (keys["ecc"], ):
        with pytest.raises(Refused, match="certify failed"):
            verifiers.spire_residency(found["aik_tpm"], devid["aik_tpm"], certified)
    with pytest.raises(Refused, match="RSA"):
        verifiers.spire_residency(keys["ecc"]["aik_tpm"], keys["ecc"]["aik_tpm"], certify(service))


def test_field_45_veraison_enacttrust(service, keys):
    """The nonce is the UUID of the node."""
    node = uuid.UUID("7df7714e-aa04-4638-bcbf-434b1dd720f1")
    given = quote(service, "1,2,3", node.bytes)
    token = struct.pack(">H", len(given["quoted"])) + given["quoted"] + given["signature"]
    found, digest = verifiers.enacttrust(keys["ecc"]["aik_tpm"], token)
    assert found == node and len(digest) == 32
    with pytest.raises(Refused):
        verifiers.enacttrust(keys["ecc"]["aik_tpm"], token[:-1] + bytes([token[-1] ^ 1]))
    other = quote(service, "1", node.bytes, aik="rsa")
    with pytest.raises(Refused, match="ecdsa"):
        verifiers.enacttrust(keys["rsa"]["aik_tpm"],
                             struct.pack(">H", len(other["quoted"])) + other["quoted"] + other["signature"])


def test_field_45_veraison_parsec(service, keys):
    """A token of the key and one of the platform, both signed by the same key."""
    certified, given = certify(service), quote(service, "0-7")
    endorsed = quote(service, "0-15")["pcr_values"]
    verifiers.parsec(keys["ecc"]["aik_tpm"], certified, given, endorsed)
    with pytest.raises(Refused, match="Endorsement"):
        verifiers.parsec(keys["ecc"]["aik_tpm"], certified, given, {**endorsed, 3: bytes(32)})
    with pytest.raises(Refused, match="signature algorithm"):
        verifiers.parsec(keys["rsa"]["aik_tpm"], certify(service, aik="rsa"), quote(service, aik="rsa"), endorsed)
